import { afterEach, expect, test, vi } from "vitest";
import { smokeOrder } from "../../scripts/deploy/smoke.ts";

afterEach(() => void vi.unstubAllGlobals());

/** A shop that works, whose item holds a unit of an order that nobody will pay or cancel. */
function shopWithLeftover() {
  const level = { available: 0, held: 1 };
  const status = new Map<string, string>();
  const answer = (path: string, method: string, body: { delta?: number }): object => {
    const id = path.split("/")[3] ?? "";
    if (path.endsWith("/stock")) {
      level.available += body.delta ?? 0;
      return level;
    }
    if (path === "/v1/orders") {
      level.available--;
      level.held++;
      status.set("o1", "confirmed");
      return { id: "o1" };
    }
    if (path.endsWith("/cancel") && status.get(id) === "confirmed") {
      level.available++;
      level.held--;
      status.set(id, "cancelled");
    }
    return method === "GET" && path.startsWith("/v1/orders/") ? { id, status: status.get(id) } : {};
  };
  vi.stubGlobal("fetch", async (url: string | URL, init: RequestInit = {}) => {
    const body = typeof init.body === "string" ? (JSON.parse(init.body) as object) : {};
    return Response.json(answer(new URL(url).pathname, init.method ?? "GET", body));
  });
  return level;
}

test("a unit that the order of a killed run still holds does not fail the next run", async () => {
  const level = shopWithLeftover();
  await smokeOrder("https://shop.test", "token");
  expect(level).toEqual({ available: 0, held: 1 });
});
