import { beforeAll, describe, expect, it } from "vitest";
import { addItem } from "./support/data.ts";
import {
  call,
  type CallOptions,
  migrate,
  operatorToken,
  problemOf,
  rowCounts,
} from "./support/worker.ts";

const ID = "01a20446-851e-72a5-baec-d2d124ce9e42";

beforeAll(async () => {
  await migrate();
  await addItem({}, "CUP");
});

const ITEM = { name: "Pan", price: { amount: 5, currency: "EUR" } };

type BadCall = [string, string, CallOptions, number, string];

const GZIP: CallOptions = { headers: { "Idempotency-Key": "k", "Content-Encoding": "gzip" } };

describe("an operator's calls with bad input", () => {
  it.each<BadCall>([
    ["PUT", "/v1/items/a%20b", { body: ITEM }, 400, "invalid_request"],
    ["PUT", "/v1/items/PAN", { body: { ...ITEM, name: "" } }, 400, "invalid_request"],
    ["PUT", "/v1/items/PAN", { body: { ...ITEM, price: 5 } }, 400, "invalid_request"],
    [
      "PUT",
      "/v1/items/PAN",
      { body: { ...ITEM, price: { amount: -1, currency: "EUR" } } },
      400,
      "invalid_request",
    ],
    [
      "PUT",
      "/v1/items/PAN",
      { body: { ...ITEM, price: { amount: 1, currency: "euro" } } },
      400,
      "invalid_request",
    ],
    ["PUT", "/v1/items/PAN", { body: { ...ITEM, limitPerCustomer: 0 } }, 400, "invalid_request"],
    ...[-1, 1, 59, 90.5, 604_801, "90"].flatMap((paymentWindowSeconds): BadCall[] => {
      const own = { paymentWindowSeconds };
      return [
        ["PUT", "/v1/items/PAN", { body: { ...ITEM, ...own } }, 400, "invalid_request"],
        ["PATCH", "/v1/items/CUP", { body: own }, 400, "invalid_request"],
      ];
    }),
    ["PUT", "/v1/items/PAN", { body: { ...ITEM, saleStartsAt: "soon" } }, 400, "invalid_request"],
    [
      "PUT",
      "/v1/items/PAN",
      {
        body: { ...ITEM, saleStartsAt: "2026-02-01T00:00:00Z", saleEndsAt: "2026-01-01T00:00:00Z" },
      },
      400,
      "invalid_request",
    ],
    [
      "POST",
      "/v1/items/CUP/stock",
      { body: { delta: 1, reason: "r" } },
      400,
      "idempotency_key_required",
    ],
    [
      "POST",
      "/v1/items/CUP/stock",
      { body: { delta: 0, reason: "r" }, headers: { "Idempotency-Key": "k" } },
      400,
      "invalid_request",
    ],
    [
      "POST",
      "/v1/items/CUP/stock",
      { body: { delta: 1 }, headers: { "Idempotency-Key": "k" } },
      400,
      "invalid_request",
    ],
    [
      "POST",
      "/v1/items/NO-SUCH/stock",
      { body: { delta: 1, reason: "r" }, headers: { "Idempotency-Key": "k" } },
      404,
      "not_found",
    ],
    [
      "POST",
      "/v1/items/CUP/stock",
      { body: { delta: 1, reason: "r" }, headers: { "Idempotency-Key": "k" } },
      503,
      "unavailable",
    ],
    ["GET", "/v1/items/CUP/stock", {}, 503, "unavailable"],
    ["GET", "/v1/items/CUP/ledger", {}, 503, "unavailable"],
    ["GET", "/v1/items/CUP/demand", {}, 503, "unavailable"],
    ["GET", "/v1/items/NO-SUCH/demand", {}, 404, "not_found"],
    ["GET", "/v1/items/CUP/ledger?cursor=x", {}, 400, "invalid_request"],
    ...["two words", "k, k", '"k", "k"', "k\u00e9"].map(
      (key): [string, string, CallOptions, number, string] => [
        "POST",
        "/v1/items/CUP/stock",
        { body: { delta: 1, reason: "r" }, headers: { "Idempotency-Key": key } },
        400,
        "invalid_request",
      ],
    ),
    ["POST", "/v1/operations/reconcile?x=1", GZIP, 415, "unsupported_media_type"],
    ["POST", "/v1/items/CUP/stock", { ...GZIP, body: {} }, 415, "unsupported_media_type"],
    ["PUT", "/v1/items/PAN", { ...GZIP, body: ITEM }, 415, "unsupported_media_type"],
    ["GET", "/v1/items?limit=1&limit=2", {}, 400, "invalid_request"],
    ["GET", "/v1/operations/orders?status=paid&status=pending", {}, 400, "invalid_request"],
    ["GET", "/v1/items?limit=%D9%A3", {}, 400, "invalid_request"],
    ["GET", "/v1/items?limit=%2B3", {}, 400, "invalid_request"],
    ["GET", "/v1/items?cursor=%C3%A9", {}, 400, "invalid_request"],
    // The base64url of "1 " and a byte that is no UTF-8.
    ["GET", "/v1/dead-letters?cursor=MSD_", {}, 400, "invalid_request"],
    [
      "POST",
      "/v1/operations/reconcile",
      { body: { cursor: btoa('{"phase":"locks","sku":"a b","after":""}') } },
      400,
      "invalid_request",
    ],
    [
      "POST",
      "/v1/operations/reconcile",
      { body: { cursor: btoa('{"phase":"orders","after":"x"}') } },
      400,
      "invalid_request",
    ],
  ])("%s %s %j is %s %s, and nothing is written", async (method, path, options, status, code) => {
    const before = await rowCounts();
    const response = await call(method, path, { token: await operatorToken(), ...options });
    expect([response.status, (await problemOf(response)).code]).toEqual([status, code]);
    expect(await rowCounts()).toEqual(before);
  });
});

describe("paths and methods", () => {
  it.each([
    ["GET", "/"],
    ["GET", "/v1"],
    ["GET", "/v1/nothing"],
    ["GET", "/v1/items/NO-SUCH"],
    ["GET", "/v1/items/%20"],
    ["GET", `/v1/orders/${ID}`],
    ["GET", "/v1/orders/42"],
    ["GET", `/v1/orders/${ID}%20`],
    ["GET", `/v1/orders/{${ID}}`],
    ["GET", `/v1/orders/urn:uuid:${ID}`],
    ["GET", `/v1/orders/${ID.replaceAll("-", "")}`],
    ["POST", `/v1/orders/${ID}/cancel`],
    ["POST", `/v1/orders/${ID}/nothing`],
    ["DELETE", "/v1/dead-letters/none"],
    ["POST", "/v1/dead-letters/none/replay"],
  ])("%s %s is 404", async (method, path) => {
    const response = await call(method, path, { token: await operatorToken() });
    expect([response.status, (await problemOf(response)).code]).toEqual([404, "not_found"]);
  });

  it.each([
    ["DELETE", "/v1/orders", "GET, HEAD, POST"],
    ["PUT", `/v1/orders/${ID}`, "GET, HEAD"],
    ["GET", `/v1/orders/${ID}/cancel`, "POST"],
    ["POST", "/v1/items", "GET, HEAD"],
    ["POST", "/v1/items/CUP", "DELETE, GET, HEAD, PATCH, PUT"],
    ["PUT", "/v1/items/CUP/stock", "GET, HEAD, POST"],
    ["GET", "/v1/guests", "POST"],
    ["POST", "/healthz", "GET, HEAD"],
    ["GET", "/v1/dead-letters/m1", "DELETE"],
  ])("%s %s is 405 and says what is allowed", async (method, path, allowed) => {
    const response = await call(method, path, { token: await operatorToken() });
    expect(response.status).toBe(405);
    expect((await problemOf(response)).code).toBe("method_not_allowed");
    const methods = (response.headers.get("Allow") ?? "").split(", ").toSorted();
    expect(methods.join(", ")).toBe(allowed);
  });
});
