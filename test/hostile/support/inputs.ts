import fc from "fast-check";
import type { Route } from "./routes.ts";

/** Requests as somebody sends them who wants to do harm, made from what a route describes. */
export interface Hostile {
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

const NASTY = [
  "",
  " ",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "null",
  "undefined",
  "NaN",
  "-0",
  "1e400",
  "9007199254740993",
  "' OR '1'='1",
  "'; DROP TABLE orders; --",
  '"); DELETE FROM items; --',
  "1 UNION SELECT * FROM idempotency_keys",
  "%' ESCAPE '_",
  "?1",
  "a\u0000b",
  "\ud800",
  "\udfff\ud800",
  "\u202e\u2066",
  "caf\u00e9-1",
  "k, k",
  "🍵".repeat(9),
  "İıſK",
  "../../healthz",
  "..%2f..%2fhealthz",
  "%00",
  "%zz",
  "%E0%A4%A",
  "x\r\nSet-Cookie: a=b",
  "${7*7}{{7*7}}",
  "<script>alert(1)</script>",
  "eyJhbGciOiJub25lIn0.e30.",
  "x".repeat(300),
  "x".repeat(5_000),
];

export const TIMES = [
  "2026-12-01T18:00:00Z",
  "2026-12-01t18:00:00.5+14:00",
  "2027-02-30T10:00:00Z",
  "2026-12-01T23:59:60Z",
  "2026-12-01T24:00:00Z",
  "2026-12-01T18:00:00",
  "2026-12-01",
  "0000-01-01T00:00:00+01:00",
  "9999-12-31T23:59:59-00:01",
  "12",
  "-1",
];
const CURRENCIES = ["EUR", "JPY", "ZZZ", "XXX", "eur", "EU", "€", "HRK"];

export const text = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
);

/** Numbers that JSON can write and JavaScript cannot hold. */
const NUMBERS = ["1e400", "-1e400", "-0", "1e-400", "9007199254740993", "0.1", "1E3", "-1", "1001"];
const MARK = "@number@";
const value = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 3, arbitrary: fc.constantFrom(...NUMBERS).map((number) => `${MARK}${number}`) },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, true, [], {}, [[]], [null]) },
);

const written = (json: unknown): string =>
  JSON.stringify(json).replace(new RegExp(`"${MARK}([^"]+)"`, "g"), "$1");

/** Every place in a JSON value, as a path of keys. */
export function placesIn(json: unknown, path: string[] = []): string[][] {
  if (typeof json !== "object" || json === null) return [path];
  return [path, ...Object.entries(json).flatMap(([key, one]) => placesIn(one, [...path, key]))];
}

export function put(json: unknown, [key, ...rest]: string[], replacement: unknown): unknown {
  if (key === undefined) return replacement;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(json)
    ? [...json]
    : { ...(json as object) };
  Reflect.set(copy, key, put(Reflect.get(copy, key), rest, replacement));
  return copy;
}

const at = (json: unknown, place: readonly string[]): unknown =>
  place.reduce((part, key) => Reflect.get(part as object, key), json);

/** Of the same kind as what stands there, and wrong in the ways that this kind can be. */
function akinTo(good: unknown): fc.Arbitrary<unknown> {
  if (typeof good !== "string") return value;
  if (!Number.isNaN(Date.parse(good))) return fc.constantFrom(...TIMES);
  return /^[A-Z]{3}$/.test(good) ? fc.constantFrom(...CURRENCIES) : text;
}

/** A good body with one part replaced, with keys it does not have, or doubled ones. */
function bodyFrom(good: object): fc.Arbitrary<string> {
  const replaced = fc
    .constantFrom(...placesIn(good))
    .chain((place) => fc.tuple(fc.constant(place), fc.oneof(value, akinTo(at(good, place)))))
    .map(([place, replacement]) => written(put(good, place, replacement)));
  const added = fc.tuple(text, value).map(([name, more]) => {
    // Not by assignment: that would set the prototype.
    const json = `{${JSON.stringify(name)}:${written(more)},`;
    return JSON.stringify(good).replace("{", json);
  });
  const doubled = fc.constant(JSON.stringify(good).repeat(2).replace("}{", ","));
  return fc.oneof(
    { weight: 5, arbitrary: replaced },
    { weight: 2, arbitrary: added },
    { weight: 1, arbitrary: doubled },
    { weight: 1, arbitrary: text },
    { weight: 1, arbitrary: fc.constant(JSON.stringify(good)) },
    { weight: 1, arbitrary: value.map(written) },
  );
}

/** What a header may hold at all; the rest is for raw sockets. */
export const headerText = text.map((one) => one.replace(/[^\t\x20-\x7e\x80-\xff]/g, "").trim());

const TYPES = [
  "application/json",
  "application/json; charset=utf-8",
  "Application/JSON;",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
];

function headersFor(hasBody: boolean): fc.Arbitrary<Record<string, string>> {
  return fc
    .record(
      {
        "Idempotency-Key": headerText,
        "If-Match": headerText,
        Prefer: headerText.map((one) => `wait=${one}`),
        traceparent: headerText,
        "X-Request-Id": headerText,
        Origin: headerText,
        "Content-Encoding": fc.oneof(
          { weight: 9, arbitrary: fc.constant("") },
          { weight: 1, arbitrary: fc.constantFrom("identity", "gzip", "br, identity") },
        ),
        "Content-Type": fc.oneof(
          { weight: 9, arbitrary: fc.constant("application/json") },
          { weight: 1, arbitrary: fc.constantFrom(...TYPES) },
        ),
      },
      { requiredKeys: hasBody ? ["Content-Type"] : [] },
    )
    .map((headers) => Object.fromEntries(Object.entries(headers).filter(([, one]) => one !== "")));
}

/** A part of a path: as a client would write it, or with percent signs of its own. */
const part = (good: string) =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant(good) },
    { weight: 3, arbitrary: text.map((one) => encodeURIComponent(one.toWellFormed())) },
    { weight: 1, arbitrary: fc.constantFrom("%00", "%E0%A4%A", "%", "%zz", "a%0d%0ab", "%2e%2e") },
  );

export function hostile(route: Route, good: { sku: string; id: string }): fc.Arbitrary<Hostile> {
  const query = fc.dictionary(fc.constantFrom(...(route.query ?? ["q"])), text, { maxKeys: 3 });
  const body = route.body
    ? fc.option(bodyFrom(route.body), { nil: undefined, freq: 9 })
    : route.method === "GET"
      ? fc.constant(undefined)
      : fc.option(text, { nil: undefined });
  return fc
    .record({
      sku: part(good.sku),
      id: part(good.id),
      query,
      body,
      headers: headersFor(!!route.body),
    })
    .map(({ sku, id, query: asked, body: sent, headers }) => {
      const pairs = Object.entries(asked).map(
        ([name, one]) => `${name}=${encodeURIComponent(one.toWellFormed())}`,
      );
      const path = route.path.replace(":sku", () => sku).replace(":id", () => id);
      return {
        path: `${path}${pairs.length > 0 ? `?${pairs.join("&")}` : ""}`,
        headers,
        body: sent,
      };
    });
}
