import { beforeAll, describe, expect, it } from "vitest";
import { settle } from "../../src/orders/outcomes/settle.ts";
import { addItem, locked, pendingOrder, portsWith } from "./support/data.ts";
import {
  call,
  migrate,
  newCustomer,
  operatorToken,
  problemOf,
  rowCounts,
  tokenFor,
} from "./support/worker.ts";

/** Times, currencies, texts and ids: what is taken, what is refused, and how it is kept. */

beforeAll(async () => {
  await migrate();
  await addItem({}, "CUP");
});

const ITEM = { name: "Pan", price: { amount: 5, currency: "EUR" } };

const put = async (change: object): Promise<Response> =>
  call("PUT", "/v1/items/TIMED", { token: await operatorToken(), body: { ...ITEM, ...change } });

describe("a time", () => {
  it.each([
    ["2027-02-30T10:00:00Z", "a day that does not exist"],
    ["2027-02-29T10:00:00Z", "29 February outside of a leap year"],
    ["2100-02-29T10:00:00Z", "a century is no leap year"],
    ["2026-04-31T10:00:00Z", "31 April"],
    ["2026-12-01T24:00:00Z", "hour 24"],
    ["2026-12-01T23:59:60Z", "second 60"],
    ["2026-12-01T18:00Z", "no seconds"],
    ["2026-12-01T18:00:00", "no zone"],
    ["2026-12-01T18:00:00+0200", "an offset without a colon"],
    ["2026-12-01T18:00:00+24:00", "an offset of a day"],
    ["2026-12-01 18:00:00Z", "a blank"],
    ["2026-12-01T18:00:00.Z", "a point and no digits"],
    ["0000-01-01T00:00:00+01:00", "the year -1 in UTC"],
    ["9999-12-31T23:59:59-00:01", "the year 10000 in UTC"],
    ["+012026-12-01T18:00:00Z", "a year of six digits"],
    ["12", "a number"],
    ["2026-12-01", "no time"],
    ["1 Dec 2026 18:00:00Z", "words"],
  ])("%s is no time (%s): as a sale's start, and as a feed's since", async (text) => {
    const before = await rowCounts();
    const response = await put({ saleStartsAt: text });
    expect([response.status, (await problemOf(response)).code]).toEqual([400, "invalid_request"]);
    expect(await rowCounts()).toEqual(before);
    const feed = `/v1/feed?since=${encodeURIComponent(text)}`;
    const headers = { Upgrade: "websocket" };
    const opened = await call("GET", feed, { token: await operatorToken(), headers });
    opened.webSocket?.accept();
    opened.webSocket?.close(1000);
    expect(opened.status).toBe(400);
  });

  it.each([
    ["2028-02-29T10:00:00Z", "2028-02-29T10:00:00.000Z"],
    ["2000-02-29T10:00:00Z", "2000-02-29T10:00:00.000Z"],
    ["2026-12-01T18:00:00+14:00", "2026-12-01T04:00:00.000Z"],
    ["2026-12-01T18:00:00-00:00", "2026-12-01T18:00:00.000Z"],
    ["2026-12-01t18:00:00z", "2026-12-01T18:00:00.000Z"],
    ["2026-12-01T18:00:00.123999999Z", "2026-12-01T18:00:00.123Z"],
    ["0000-02-29T00:00:00Z", "0000-02-29T00:00:00.000Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
  ])("%s is taken (RFC 3339), and kept as %s", async (text, kept) => {
    const response = await put({ saleStartsAt: text });
    expect(((await response.json()) as { saleStartsAt: string }).saleStartsAt).toBe(kept);
  });
});

describe("a currency", () => {
  it.each([
    "ZZZ",
    "XXX",
    "XTS",
    "XAU",
    "XDR",
    "HRK",
    "SLL",
    "ZWL",
    "CUC",
    "ANG",
    "BGN",
    "eur",
    "EU",
  ])("%s is none that a price can be in", async (currency) => {
    const response = await put({ price: { amount: 1, currency } });
    const { errors } = await problemOf(response);
    expect([response.status, errors?.[0]?.path]).toEqual([400, "/price/currency"]);
  });

  it.each(["EUR", "JPY", "KWD", "IQD", "CLF", "VED", "XCG", "ZWG", "SLE", "XOF"])(
    "%s is one of ISO 4217",
    async (currency) => {
      const response = await put({ price: { amount: 1, currency } });
      expect(response.status).toBeLessThan(300);
    },
  );

  it("an item keeps one that has been withdrawn since", async () => {
    await addItem({ currency: "HRK" }, "OLD");
    const item = await (await call("GET", "/v1/items/OLD")).json();
    expect(item).toMatchObject({ price: { currency: "HRK" } });
    const token = await tokenFor(newCustomer());
    const body = { lines: [{ sku: "OLD", quantity: 1 }] };
    expect((await call("POST", "/v1/orders", { token, body })).status).toBe(202);
  });
});

describe("a name and a reason", () => {
  const refused: [name: string, text: string][] = [
    ["a NUL", "a\u0000b"],
    ["a line feed", "a\nb"],
    ["a tab", "a\tb"],
    ["a DEL", "a\u007fb"],
    ["a control character of Latin-1", "a\u0085b"],
    ["a line separator", "a\u2028b"],
    ["a right-to-left override", "\u202egpj"],
    ["a left-to-right embedding", "a\u202ab"],
    ["an isolate", "a\u2066b\u2069"],
    ["a zero width space", "a\u200bb"],
    ["a word joiner", "a\u2060b"],
    ["a byte order mark inside", "a\ufeffb"],
    ["a blank letter", "\u3164"],
    ["a tag outside of a flag", "a\u{e0061}\u{e0062}"],
    ["a noncharacter", "a\uffffb"],
    ["half a surrogate", "a\ud800"],
    ["nothing to see", "\u200d\ufe0f"],
    ["blanks alone", " \u3000 "],
  ];
  it.each(refused)("with %s are refused, and nothing is written", async (_, text) => {
    const before = await rowCounts();
    const named = await put({ name: text });
    expect([named.status, (await problemOf(named)).errors?.[0]?.path]).toEqual([400, "/name"]);
    const options = {
      token: await operatorToken(),
      headers: { "Idempotency-Key": "k" },
      body: { delta: 1, reason: text },
    };
    const adjusted = await call("POST", "/v1/items/CUP/stock", options);
    const { errors } = await problemOf(adjusted);
    expect([adjusted.status, errors?.[0]?.path]).toEqual([400, "/reason"]);
    expect(await rowCounts()).toEqual(before);
  });

  const taken: [name: string, text: string][] = [
    ["right-to-left text with its marks", "\u200fכוס\u200e (M)"],
    ["an Arabic letter mark", "\u061cكوب"],
    ["Persian joined by ZWNJ", "می\u200cخواهم"],
    ["an emoji joined by ZWJ", "👩\u200d🚀 ❤\ufe0f"],
    [
      "the flag of Scotland, made of tags",
      "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    ],
    ["a variant of an ideograph", "葛\u{e0100}城"],
    ["a soft hyphen", "Donau\u00addampfschiff"],
    ["signs, markup and SQL", "<b>'; DROP TABLE items; --"],
    ["a letter that nobody has assigned yet", "\u{1fae9}"],
  ];
  it.each(taken)("with %s are kept as they are", async (_, text) => {
    const response = await put({ name: text });
    expect(((await response.json()) as { name: string }).name).toBe(text);
  });

  it("are trimmed, and nothing else is changed of them", async () => {
    const response = await put({ name: " \n\ufeffE\u0301 \u3000" });
    expect(((await response.json()) as { name: string }).name).toBe("E\u0301");
  });

  it("says which character it is", async () => {
    const { errors } = await problemOf(await put({ name: "a\u202eb" }));
    expect(errors?.[0]?.message).toContain("U+202E");
  });
});

describe("an order's id in a path, in capitals (RFC 9562, 4)", () => {
  it("is the same order: to read, to cancel, and for operators", async () => {
    const { id, customerId } = await pendingOrder();
    const token = await tokenFor(customerId);
    const path = `/v1/orders/${id.toUpperCase()}`;
    const read = await call("GET", path, { token });
    expect([read.status, await read.json()]).toMatchObject([200, { id }]);
    const operator = await operatorToken();
    const history = `/v1/operations/orders/${id.toUpperCase()}/history`;
    expect((await call("GET", history, { token: operator })).status).toBe(200);
    const cancelled = await call("POST", `${path}/cancel`, { token });
    expect([cancelled.status, await cancelled.json()]).toMatchObject([200, { id }]);
  });

  it("is paid", async () => {
    const { id } = await pendingOrder();
    await settle([locked(id)], portsWith());
    const path = `/v1/orders/${id.toUpperCase()}/pay`;
    const paid = await call("POST", path, { token: await operatorToken() });
    expect([paid.status, await paid.json()]).toMatchObject([200, { id, status: "paid" }]);
  });

  it("another customer's is 404 in either case", async () => {
    const { id } = await pendingOrder();
    const token = await tokenFor(newCustomer());
    for (const one of [id, id.toUpperCase()]) {
      expect((await call("GET", `/v1/orders/${one}`, { token })).status).toBe(404);
    }
  });
});
