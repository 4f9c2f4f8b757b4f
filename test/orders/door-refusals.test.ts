import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { addDoorRefusals } from "../../src/orders/order/door-refusals.sql.ts";
import { until } from "../e2e/support/until.ts";
import { call, migrate, operatorToken, tokenFor } from "./support/worker.ts";

interface Operations {
  perMinute: { minute: string; refusedAtDoor: number }[];
  refusedAtDoor: { sku: string; orders: number; units: number }[];
}

beforeAll(migrate);

async function operations(): Promise<Operations> {
  const answer = await call("GET", "/v1/operations", { token: await operatorToken() });
  expect(answer.status).toBe(200);
  return answer.json();
}

const thisMinute = (): number => Math.floor(Date.now() / 60_000);

it("orders that the door refuses are counted per minute and item, in one write for many", async () => {
  // What the isolate of an earlier file had still to write comes within a second.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await env.DB.prepare("DELETE FROM door_refusals").run();
  const token = await operatorToken();
  const saleStartsAt = new Date(Date.now() + 3_600_000).toISOString();
  const item = { name: "Soon", price: { amount: 1, currency: "EUR" }, saleStartsAt };
  await call("PUT", "/v1/items/SOON", { token, body: item });
  const buyer = await tokenFor("early");
  for (const quantity of [1, 2, 3]) {
    const body = { lines: [{ sku: "SOON", quantity }] };
    expect((await call("POST", "/v1/orders", { token: buyer, body })).status).toBe(409);
  }
  await until("the counts are written", async () => {
    const { refusedAtDoor } = await operations();
    return refusedAtDoor.some(({ sku, orders }) => sku === "SOON" && orders === 3);
  });
  const { perMinute, refusedAtDoor } = await operations();
  expect(refusedAtDoor).toEqual([{ sku: "SOON", orders: 3, units: 6 }]);
  expect(perMinute.reduce((sum, one) => sum + one.refusedAtDoor, 0)).toBe(3);
});

it("counts of several isolates add up, the last hour is shown, and two days are kept", async () => {
  const minute = thisMinute();
  const of = (ago: number, sku: string, orders: number) => ({
    minute: minute - ago,
    sku,
    orders,
    units: 2 * orders,
  });
  await addDoorRefusals(env.DB, [of(3, "", 5), of(3, "MUG", 5)], Date.now());
  await addDoorRefusals(env.DB, [of(3, "", 2), of(3, "MUG", 2)], Date.now());
  await addDoorRefusals(env.DB, [of(100, "", 9), of(100, "OLD", 9), of(2_890, "", 9)], Date.now());
  const { perMinute, refusedAtDoor } = await operations();
  expect(refusedAtDoor.find(({ sku }) => sku === "MUG")).toEqual({
    sku: "MUG",
    orders: 7,
    units: 14,
  });
  expect(refusedAtDoor.map(({ sku }) => sku)).not.toContain("OLD");
  const at = new Date((minute - 3) * 60_000).toISOString();
  expect(perMinute.find((one) => one.minute === at)?.refusedAtDoor).toBe(7);
  expect(await env.DB.prepare("SELECT min(minute) AS n FROM door_refusals").first("n")).toBe(
    minute - 100,
  );
});
