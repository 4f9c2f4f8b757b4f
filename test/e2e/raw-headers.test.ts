import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { head, JSON_TYPE, raw, statusOf } from "./support/raw.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

/** Headers byte by byte, as only a socket of our own can send them, on real workerd. */

const stack = useStack();

async function send(path: string, token: string, lines: string[], body: string): Promise<string> {
  const length = `Content-Length: ${body.length}`;
  const { heard } = raw(stack.base, head(token, [JSON_TYPE, length, ...lines], path) + body);
  await until("a whole answer", () => /\r\n\r\n.*\}/s.test(heard()));
  return heard();
}

/** Keys that the runtime shows as one another, or as another key: `\xe9` is one byte. */
const BAD_KEYS: [name: string, lines: string[]][] = [
  ["a byte that is no UTF-8", ["Idempotency-Key: caf\xe9-1"]],
  ["another such byte", ["Idempotency-Key: caf\xe8-1"]],
  ["UTF-8", ["Idempotency-Key: caf\xc3\xa9-1"]],
  ["a DEL", ["Idempotency-Key: k\x7f"]],
  ["the same key twice", ["Idempotency-Key: k", "Idempotency-Key: k"]],
  ["two keys", ["Idempotency-Key: k", "idempotency-key: l"]],
  ["two quoted keys", ['Idempotency-Key: "k"', 'Idempotency-Key: "l"']],
  ["a key and an empty one", ["Idempotency-Key: k", "Idempotency-Key:"]],
  ["an empty one and a key", ["Idempotency-Key:", "Idempotency-Key: k"]],
  ["no key in the header", ["Idempotency-Key:"]],
];

test.each(BAD_KEYS)("%s is 400, and nothing is placed or adjusted", async (_, lines) => {
  const sku = await stack.operator.stocked(5);
  const [token, operator] = [
    await stack.token("typist"),
    await stack.token("operator", { scope: "operator" }),
  ];
  const order = JSON.stringify({ lines: [{ sku, quantity: 1 }] });
  const placed = await send("POST /v1/orders", token, lines, order);
  expect([statusOf(placed), placed]).toEqual([400, expect.stringMatching(/visible ASCII/)]);
  const adjustment = JSON.stringify({ delta: 3, reason: "delivery" });
  const adjusted = await send(`POST /v1/items/${sku}/stock`, operator, lines, adjustment);
  expect([statusOf(adjusted), adjusted]).toEqual([400, expect.stringMatching(/visible ASCII/)]);
  const typist = await stack.customer("typist");
  expect((await typist.get<{ orders: unknown[] }>("/v1/orders")).orders).toEqual([]);
  const level = await stack.operator.get<{ received: number }>(`/v1/items/${sku}/stock`);
  expect(level.received).toBe(5);
});

test("keys that differ in one visible character are two, bare and quoted are one", async () => {
  const sku = await stack.operator.stocked(5);
  const token = await stack.token("exact");
  const order = JSON.stringify({ lines: [{ sku, quantity: 1 }] });
  const heard: string[] = [];
  for (const key of ["a,b", "a,B", '"a,b"']) {
    heard.push(await send("POST /v1/orders", token, [`Idempotency-Key: ${key}`], order));
  }
  const ids = heard.map((answer) => /"id":"([^"]+)"/.exec(answer)?.[1]);
  expect(new Set(ids).size).toBe(2);
  expect(ids[2]).toBe(ids[0]);
  expect(heard[2]).toMatch(/idempotency-replayed: true/i);
});

test("a compressed body is 415, and says what is taken instead", async () => {
  const sku = await stack.operator.stocked(5);
  const token = await stack.token("zipper");
  const order = JSON.stringify({ lines: [{ sku, quantity: 1 }] });
  const zipped = gzipSync(order).toString("latin1");
  for (const lines of [
    ["Content-Encoding: gzip"],
    ["Content-Encoding: identity", "Content-Encoding: GZIP"],
  ]) {
    const heard = await send("POST /v1/orders", token, lines, zipped);
    expect([statusOf(heard), heard]).toEqual([
      415,
      expect.stringMatching(/accept-encoding: identity/i),
    ]);
  }
  const plain = ["Content-Encoding: identity", "Content-Encoding:"];
  expect(statusOf(await send("POST /v1/orders", token, plain, order))).toBe(202);
});

test("other headers that come twice, or with bytes that are no UTF-8, change nobody", async () => {
  const sku = await stack.operator.stocked(5);
  const [ann, ben] = [await stack.token("ann"), await stack.token("ben")];
  const order = JSON.stringify({ lines: [{ sku, quantity: 1 }] });
  const place = (lines: string[]) => send("POST /v1/orders", ann, lines, order);
  for (const [lines, status] of [
    [[`Authorization: Bearer ${ben}`], 401],
    [[`Authorization: Bearer ${ann}`], 401],
    [["X-Ignored: \xe9", "Prefer: wait=\xe9", "Prefer: \xe9=1"], 202],
    [[JSON_TYPE], 415],
  ] as const) {
    expect([lines, statusOf(await place([...lines]))]).toEqual([lines, status]);
  }
  const waited = await place(["Prefer: wait=5", "Prefer: wait=0"]);
  expect(waited).toMatch(/preference-applied: wait=5/i);
  for (const lines of [["X-Request-Id: caf\xe9"], ["X-Request-Id: a", "X-Request-Id: b"]]) {
    expect(await place(lines)).toMatch(/x-request-id: [0-9a-f-]{36}\r/i);
  }
});
