import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { addItem } from "./support/data.ts";
import {
  call,
  type CallOptions,
  migrate,
  newCustomer,
  problemOf,
  rowCounts,
  tokenFor,
} from "./support/worker.ts";

const SKU = "CUP";

beforeAll(async () => {
  await migrate();
  await addItem({}, SKU);
  await addItem({}, "POT");
});

const lines = (quantity: unknown, sku: unknown = SKU) => ({ lines: [{ sku, quantity }] });
const many = (count: number) => ({
  lines: Array.from({ length: count }, () => ({ sku: SKU, quantity: 1 })),
});
/** An order of this many bytes: blanks between its parts count. */
const sized = (bytes: number) => {
  const text = JSON.stringify(lines(1));
  return text.replace(":", `:${" ".repeat(bytes - text.length)}`);
};

type Row = [name: string, options: CallOptions, status: number, code: string];

const ORDERS: Row[] = [
  ["malformed JSON", { body: '{"lines": [' }, 400, "invalid_request"],
  ["an empty body", { body: "" }, 400, "invalid_request"],
  ["a list", { body: [] }, 400, "invalid_request"],
  ["null", { body: null }, 400, "invalid_request"],
  ["no lines", { body: {} }, 400, "invalid_request"],
  ["an empty list of lines", { body: { lines: [] } }, 400, "invalid_request"],
  ["lines that are text", { body: { lines: "CUP" } }, 400, "invalid_request"],
  ["a line that is null", { body: { lines: [null] } }, 400, "invalid_request"],
  ["a quantity of 0", { body: lines(0) }, 400, "invalid_request"],
  ["a quantity of -1", { body: lines(-1) }, 400, "invalid_request"],
  ["a quantity of 1.5", { body: lines(1.5) }, 400, "invalid_request"],
  ["a quantity of 1001", { body: lines(1_001) }, 400, "invalid_request"],
  ["a quantity of 10^9", { body: lines(1e9) }, 400, "invalid_request"],
  [
    "a quantity beyond all numbers",
    { body: '{"lines":[{"sku":"CUP","quantity":1e999}]}' },
    400,
    "invalid_request",
  ],
  ["a quantity that is text", { body: lines("1") }, 400, "invalid_request"],
  ["a quantity that is missing", { body: { lines: [{ sku: SKU }] } }, 400, "invalid_request"],
  [
    "a merged quantity of 1001",
    { body: { lines: [...lines(600).lines, ...lines(401).lines] } },
    400,
    "invalid_request",
  ],
  ["a SKU that cannot be one", { body: lines(1, "a b") }, 400, "invalid_request"],
  ["a SKU of 65 characters", { body: lines(1, "a".repeat(65)) }, 400, "invalid_request"],
  ["a SKU that is a number", { body: lines(1, 7) }, 400, "invalid_request"],
  ["51 lines", { body: many(51) }, 400, "invalid_request"],
  ["an unknown SKU", { body: lines(1, "NO-SUCH") }, 422, "unknown_item"],
  ["a body of 70 KB", { body: sized(70_000) }, 413, "payload_too_large"],
  ["a body one byte too large", { body: sized(65_537) }, 413, "payload_too_large"],
  [
    "a body that is a form",
    { body: "lines=1", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
    415,
    "unsupported_media_type",
  ],
  [
    "a body that is text",
    { body: "{}", headers: { "Content-Type": "text/plain" } },
    415,
    "unsupported_media_type",
  ],
  [
    "a body of no type",
    { body: "{}", headers: { "Content-Type": "" } },
    415,
    "unsupported_media_type",
  ],
  [
    "a key of 256 characters",
    { body: lines(1), headers: { "Idempotency-Key": "k".repeat(256) } },
    400,
    "invalid_request",
  ],
  [
    "an empty key",
    { body: lines(1), headers: { "Idempotency-Key": '""' } },
    400,
    "invalid_request",
  ],
  ...[
    "two words",
    // What the runtime makes of a header that is sent twice.
    "k, k",
    '"k", "k"',
    '"k","k"',
    '"k, k"',
    '"k',
    '"k"; p=1',
    '"\\k"',
    "k\tk",
    "k\u00e9",
    "k\u007f",
  ].map((key): Row => [
    `the key ${JSON.stringify(key)}`,
    { body: lines(1), headers: { "Idempotency-Key": key } },
    400,
    "invalid_request",
  ]),
  ...["gzip", "br", "GZIP", "gzip, identity", "identity, deflate", "x"].map((coding): Row => [
    `a body with the content coding ${coding}`,
    { body: lines(1), headers: { "Content-Encoding": coding } },
    415,
    "unsupported_media_type",
  ]),
];

describe("POST /v1/orders with bad input", () => {
  it.each(ORDERS)("%s: nothing is written", async (_name, options, status, code) => {
    const before = await rowCounts();
    const token = await tokenFor(newCustomer());
    const response = await call("POST", "/v1/orders", { token, ...options });
    expect([response.status, (await problemOf(response)).code]).toEqual([status, code]);
    expect(await rowCounts()).toEqual(before);
  });

  it.each([
    ["50 lines for one SKU are merged", { body: many(50) }],
    ["a merged quantity of 1000", { body: { lines: [...lines(600).lines, ...lines(400).lines] } }],
    ["a body of exactly 64 KB", { body: sized(65_536) }],
    [
      "a content type with a charset",
      { body: lines(1), headers: { "Content-Type": "Application/JSON; charset=utf-8" } },
    ],
    [
      "a key of 255 characters",
      { body: lines(1), headers: { "Idempotency-Key": "k".repeat(255) } },
    ],
    [
      "a quoted key of 255 characters",
      { body: lines(1), headers: { "Idempotency-Key": `"${"k".repeat(255)}"` } },
    ],
    ["a key with a comma", { body: lines(1), headers: { "Idempotency-Key": "k,k" } }],
    ["a key of signs", { body: lines(1), headers: { "Idempotency-Key": '!#~k"\\;=' } }],
    ["a body without a coding", { body: lines(1), headers: { "Content-Encoding": "" } }],
    ["the coding identity", { body: lines(1), headers: { "Content-Encoding": "Identity" } }],
  ] satisfies [string, CallOptions][])("%s is taken", async (_name, options) => {
    const token = await tokenFor(newCustomer());
    const response = await call("POST", "/v1/orders", { token, ...options });
    expect(response.status).toBe(202);
    expect(((await response.json()) as { lines: unknown[] }).lines).toHaveLength(1);
  });

  it("a body of 70 KB without Content-Length is read no further than the limit", async () => {
    const token = await tokenFor(newCustomer());
    const chunk = new TextEncoder().encode("x".repeat(10_000));
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (++pulled > 1_000) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const request = new Request("https://lockstock.test/v1/orders", {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body,
    });
    expect(request.headers.has("Content-Length")).toBe(false);
    const response = await app.fetch(request, env, createExecutionContext());
    expect(response.status).toBe(413);
    expect(pulled).toBeLessThan(20);
  });

  it("says which coding it does not take, and which one it does (RFC 9110, 15.5.16)", async () => {
    const token = await tokenFor(newCustomer());
    const headers = { "Content-Encoding": "gzip" };
    const response = await call("POST", "/v1/orders", { token, body: lines(1), headers });
    expect(response.headers.get("Accept-Encoding")).toBe("identity");
    expect((await problemOf(response)).detail).toContain("Content-Encoding: gzip");
    const typed = { token, body: "{}", headers: { "Content-Type": "text/plain" } };
    // RFC 7694, 3: else a client could not tell which of the two was wrong.
    const other = await call("POST", "/v1/orders", typed);
    expect(other.headers.has("Accept-Encoding")).toBe(false);
  });

  it("says what is wrong with a key", async () => {
    const token = await tokenFor(newCustomer());
    const headers = { "Idempotency-Key": "k, k" };
    const response = await call("POST", "/v1/orders", { token, body: lines(1), headers });
    const { errors } = await problemOf(response);
    expect(errors).toEqual([
      { path: "idempotency-key", message: expect.stringMatching(/visible ASCII.*sent once/) },
    ]);
  });

  it("says where each error is, as JSON pointers", async () => {
    const token = await tokenFor(newCustomer());
    const body = {
      lines: [
        { sku: SKU, quantity: 1 },
        { sku: "?", quantity: 0 },
      ],
    };
    const { errors } = await problemOf(await call("POST", "/v1/orders", { token, body }));
    expect(errors?.map(({ path }) => path)).toEqual(["/lines/1/sku", "/lines/1/quantity"]);
  });
});
