import { beforeAll, expect, test } from "vitest";
import { migrate, worldOf } from "./support/world.ts";

beforeAll(migrate);

test("a key belongs to the whole adjustment: repeats say so, a refusal too, another reason is 422", async () => {
  const world = await worldOf();
  const sku = await world.stocked(0);
  const adjust = async (key: string, delta: number, reason: string) => {
    const { status, body, headers } = await world.call("POST", `/v1/items/${sku}/stock`, {
      as: "operator",
      body: { delta, reason },
      headers: { "Idempotency-Key": key },
    });
    const { code, level, available } = body as {
      code?: string;
      level?: object;
      available?: number;
    };
    return [status, code, level ?? available, headers.get("Idempotency-Replayed")];
  };
  const none = { sku, received: 0, available: 0, held: 0, sold: 0 };
  expect(await adjust("a", -1, "broken")).toEqual([409, "insufficient_available", none, null]);
  expect(await adjust("b", 5, "delivery")).toEqual([200, undefined, 5, null]);
  expect(await adjust("b", 5, "delivery")).toEqual([200, undefined, 5, "true"]);
  expect(await adjust("a", -1, "broken")).toEqual([409, "insufficient_available", none, "true"]);
  expect(await adjust("b", 5, "found")).toEqual([422, "idempotency_key_reused", undefined, null]);
  expect(await adjust("a", -1, "lost")).toEqual([422, "idempotency_key_reused", undefined, null]);
  expect(await adjust("c", 1, "found")).toEqual([200, undefined, 6, null]);
});
