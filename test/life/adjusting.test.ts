import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { signHs256 } from "../../scripts/lib/jwt.ts";
import { confirmed, settleDown } from "./support/money.ts";
import { counters } from "./support/stock.ts";
import { migrate, type World, worldOf } from "./support/world.ts";

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

test("a key belongs to its caller: two services that use one key both change the stock", async () => {
  const world = await worldOf();
  const sku = await world.stocked(0);
  const by = async (sub: string) => {
    const token = await signHs256(env.AUTH_SECRET!, sub, { scope: "stock:write", expires: "1h" });
    const { status, body, headers } = await world.call("POST", `/v1/items/${sku}/stock`, {
      body: { delta: 10, reason: "delivery" },
      headers: { Authorization: `Bearer ${token}`, "Idempotency-Key": "delivery-7" },
    });
    return [status, body["available"], headers.get("Idempotency-Replayed")];
  };
  expect(await by("erp")).toEqual([200, 10, null]);
  expect(await by("dock")).toEqual([200, 20, null]);
  expect(await by("erp")).toEqual([200, 10, "true"]);
  expect(await counters(sku)).toMatchObject({ available: 20 });
});

describe("a count of the shelf", () => {
  const countIn = async (
    world: World,
    sku: string,
    body: object,
    key: string = crypto.randomUUID(),
  ) => {
    const {
      status,
      body: answer,
      headers,
    } = await world.call("POST", `/v1/items/${sku}/stock`, {
      as: "operator",
      body: { reason: "count", ...body },
      headers: { "Idempotency-Key": key },
    });
    return { status, answer, isReplay: headers.get("Idempotency-Replayed") === "true" };
  };

  test("twice at once is applied once: 40 on the shelf are 40", async () => {
    const world = await worldOf();
    const sku = await world.stocked(50);
    const counted = { unsold: 40, expected: 50 };
    const answers = await Promise.all([countIn(world, sku, counted), countIn(world, sku, counted)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    const refused = answers.find(({ status }) => status === 409)?.answer;
    expect(refused).toMatchObject({ code: "stock_changed", level: { available: 40 } });
    expect(await counters(sku)).toMatchObject({ received: 40, available: 40 });
  });

  test("below what orders hold names them; a sale in between is not undone", async () => {
    const world = await worldOf();
    const { sku, id } = await confirmed(world, 5);
    const below = await countIn(world, sku, { unsold: 1, expected: 5 });
    expect([below.status, below.answer.code]).toEqual([409, "insufficient_available"]);
    expect(below.answer["affected"]).toEqual([id]);
    await world.pay(id);
    await settleDown(world);
    // The two sold units are no longer on the shelf.
    expect((await countIn(world, sku, { unsold: 5, expected: 5 })).status).toBe(409);
    expect((await countIn(world, sku, { unsold: 4, expected: 3 })).status).toBe(200);
    expect(await counters(sku)).toMatchObject({ received: 6, available: 4, held: 0, sold: 2 });
  });

  test("is remembered by its key, with all of its body", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const counted = { unsold: 3, expected: 5 };
    expect(await countIn(world, sku, counted, "k")).toMatchObject({ status: 200, isReplay: false });
    expect(await countIn(world, sku, counted, "k")).toMatchObject({ status: 200, isReplay: true });
    // What it expects is a condition: whoever repeats after a crash has read the level anew.
    const anew = { unsold: 3, expected: 3 };
    expect(await countIn(world, sku, anew, "k")).toMatchObject({ status: 200, isReplay: true });
    for (const other of [{ unsold: 4, expected: 5 }, { delta: -2 }]) {
      expect((await countIn(world, sku, other, "k")).status).toBe(422);
    }
    expect(await counters(sku)).toMatchObject({ available: 3 });
  });

  test.each([
    { unsold: 3 },
    { expected: 3 },
    { unsold: -1, expected: 3 },
    { unsold: 3, expected: 3, delta: 1 },
  ])("%o is no count", async (body) => {
    const world = await worldOf();
    const sku = await world.stocked(3);
    expect((await countIn(world, sku, body)).status).toBe(400);
  });
});
