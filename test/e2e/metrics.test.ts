import { createRequire } from "node:module";
import { beforeAll, expect, test } from "vitest";
import { METRICS_TYPE } from "../../src/orders/operators/metrics.ts";
import { VERSION } from "../../src/runtime/version.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

/** `GET /metrics`, read by a parser of Prometheus' text format. */

interface Family {
  name: string;
  type: string;
  help: string;
  metrics: {
    value?: string;
    labels?: Record<string, string>;
    buckets?: Record<string, string>;
    count?: string;
  }[];
}
const parse = createRequire(import.meta.url)("parse-prometheus-text-format") as (
  text: string,
) => Family[];

const stack = useStack();
let token = "";
beforeAll(async () => {
  token = await stack.token("prometheus", { scope: "operations:read" });
  await stack.operator.call("PUT", "/v1/items/CUP", {
    name: "Cup",
    price: { amount: 100, currency: "EUR" },
  });
  await stack.operator.receive("CUP", 5);
  const buyer = await stack.customer("ada");
  for (const key of ["a", "b"]) {
    const { body } = await buyer.place([{ sku: "CUP", quantity: 1 }], key);
    await until("confirmed", async () => (await buyer.order(body.id)).status === "confirmed");
    if (key === "b") await buyer.cancel(body.id);
  }
});

async function scrape(): Promise<Map<string, Family>> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(new URL("/metrics", stack.base), { headers });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, METRICS_TYPE]);
  return new Map(parse(await response.text()).map((family) => [family.name, family]));
}

/** The value of a sample by its labels; undefined: it is not there. */
function valueOf(families: Map<string, Family>, name: string, labels = {}): number | undefined {
  const sample = families
    .get(name)
    ?.metrics.find((one) =>
      Object.entries(labels).every(([key, value]) => one.labels?.[key] === value),
    );
  return sample?.value === undefined ? undefined : Number(sample.value);
}

test("counts by step and status, with a type and a text for each", async () => {
  const families = await scrape();
  for (const { name, type, help } of families.values()) {
    expect([name, type, help]).toEqual([
      expect.stringMatching(/^lockstock_[a-z_]+$/),
      expect.stringMatching(/^(?:COUNTER|GAUGE|HISTOGRAM)$/),
      expect.stringMatching(/\.$/),
    ]);
  }
  expect(valueOf(families, "lockstock_info", { version: VERSION })).toBe(1);
  const step = (name: string) => valueOf(families, "lockstock_order_steps_total", { step: name });
  expect([step("placed"), step("confirmed"), step("paid"), step("cancelled")]).toEqual([
    2, 2, 0, 1,
  ]);
  const status = (name: string) => valueOf(families, "lockstock_orders", { status: name });
  expect([status("confirmed"), status("cancelled")]).toEqual([1, 1]);
  expect(valueOf(families, "lockstock_dead_letters")).toBe(0);
});

test("the time to the outcome is a histogram whose buckets grow", async () => {
  const family = (await scrape()).get("lockstock_order_outcome_seconds");
  const [{ buckets = {}, count } = {}] = family?.metrics ?? [];
  expect([family?.type, count, buckets["+Inf"]]).toEqual(["HISTOGRAM", "2", "2"]);
  const inOrder = Object.entries(buckets)
    .map(([bound, n]) => [bound === "+Inf" ? Infinity : Number(bound), Number(n)] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, n]) => n);
  expect(inOrder).toHaveLength(21);
  expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
});

test("what is wrong is counted by its code", async () => {
  const { DB } = await stack.orders();
  await DB.prepare(
    "INSERT INTO dead_letters (id, queue, body, attempts, error, at) VALUES ('x', 'order-events', '{}', 10, 'broken', 0)",
  ).run();
  const families = await scrape();
  await DB.prepare("DELETE FROM dead_letters").run();
  expect(valueOf(families, "lockstock_dead_letters")).toBe(1);
  expect(valueOf(families, "lockstock_alerts", { code: "dead_letters" })).toBe(1);
});

test("nobody reads it without the right", async () => {
  const url = new URL("/metrics", stack.base);
  expect((await fetch(url)).status).toBe(401);
  const headers = { authorization: `Bearer ${await stack.token("ada")}` };
  expect((await fetch(url, { headers })).status).toBe(403);
});
