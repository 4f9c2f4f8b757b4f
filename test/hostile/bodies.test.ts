import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { expectProblem, written } from "./support/answers.ts";
import { ROUTES, nameOf, pathOf, SKU } from "./support/routes.ts";
import {
  addItem,
  call,
  lineOf,
  migrate,
  newCustomer,
  operatorToken,
  tokenFor,
  varsOf,
} from "./support/worker.ts";

beforeAll(async () => {
  await migrate();
  await addItem(SKU);
});
beforeEach(() => void vi.spyOn(console, "warn").mockReturnValue(undefined));

const DEEP = 10_000;
const BODIES: [name: string, body: string | Uint8Array][] = [
  ["lists 10,000 deep", "[".repeat(DEEP) + "]".repeat(DEEP)],
  ["objects 10,000 deep", '{"lines":'.repeat(6_000) + "1" + "}".repeat(6_000)],
  ["unclosed lists", "[".repeat(60_000)],
  ["a list of 30,000 zeros", `[${"0,".repeat(30_000)}0]`],
  [
    "an object of 5,000 keys",
    `{${Array.from({ length: 5_000 }, (_, i) => `"k${i}":0`).join(",")}}`,
  ],
  ["a number of 60,000 digits", "9".repeat(60_000)],
  ["a text of 60,000 backslashes", `"${"\\\\".repeat(30_000)}"`],
  ["bytes that are no UTF-8", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
  ["an overlong NUL", new Uint8Array([0x22, 0xc0, 0x80, 0x22])],
  ["UTF-16", new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00])],
  ["NULs", "\u0000".repeat(100)],
  ["a prototype", '{"__proto__":{"lines":[{"sku":"CUP","quantity":1}],"name":"x","delta":1}}'],
  ["a constructor", '{"constructor":{"prototype":{"repair":true,"delta":1}}}'],
];

describe("a body made to break the parser is 400 and writes nothing:", () => {
  const withBody = ROUTES.filter(({ body }) => body !== undefined);
  it.each(withBody.map((route) => [nameOf(route), route] as const))("%s", async (_, route) => {
    const token = await operatorToken();
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const before = await written();
    for (const [name, body] of BODIES) {
      const path = pathOf(route, { sku: SKU, id: "none" });
      const response = await call(route.method, path, {
        token,
        headers,
        body,
        vars: varsOf(route),
      });
      expect([name, response.status]).toEqual([name, 400]);
      expect(await expectProblem(response)).toBe("invalid_request");
    }
    expect(await written()).toEqual(before);
    expect(({} as Record<string, unknown>)["delta"]).toBeUndefined();
  });
});

describe("a body with a content coding is 415, whatever it is, and writes nothing:", () => {
  const withBody = ROUTES.filter(({ body }) => body !== undefined);
  it.each(withBody.map((route) => [nameOf(route), route] as const))("%s", async (_, route) => {
    const token = await operatorToken();
    const before = await written();
    for (const coding of ["gzip", "Deflate", "br", "zstd", "identity, gzip", "\u00e9"]) {
      const headers = { "Idempotency-Key": crypto.randomUUID(), "Content-Encoding": coding };
      const path = pathOf(route, { sku: SKU, id: "none" });
      const response = await call(route.method, path, {
        token,
        headers,
        body: route.body,
        vars: varsOf(route),
      });
      expect([coding, response.status]).toEqual([coding, 415]);
      expect(response.headers.get("Accept-Encoding")).toBe("identity");
      expect(await expectProblem(response)).toBe("unsupported_media_type");
    }
    expect(await written()).toEqual(before);
  });
});

describe("an order is what its own properties say:", () => {
  const place = async (body: string) =>
    call("POST", "/v1/orders", { token: await tokenFor(newCustomer()), body });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "a member %s beside its lines, or in one, is not known, and 400",
    async (name) => {
      for (const [body, path] of [
        [`{"lines":[{"sku":"CUP","quantity":1}],"${name}":{"total":0}}`, `/${name}`],
        [`{"lines":[{"sku":"CUP","quantity":1,"${name}":{"price":0}}]}`, `/lines/0/${name}`],
      ] as const) {
        const response = await place(body);
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ errors: [{ path }] });
      }
    },
  );

  it("of doubled keys the last counts, as JSON.parse has it, and it is checked", async () => {
    const response = await place('{"lines":[{"sku":"CUP","quantity":1,"quantity":3}]}');
    expect(await response.json()).toMatchObject({ lines: [{ quantity: 3 }] });
    const refused = await place('{"lines":[{"sku":"CUP","quantity":1,"quantity":-3}]}');
    expect(refused.status).toBe(400);
  });

  it.each(["1e400", "-1e400", "-0", "0.5", "1e-400", "9007199254740993", "1001", "-1"])(
    "a quantity of %s is refused",
    async (quantity) => {
      const response = await place(`{"lines":[{"sku":"CUP","quantity":${quantity}}]}`);
      expect(response.status).toBe(400);
    },
  );

  it.each([
    "ＣＵＰ",
    "cup\u0000",
    "CUP\u200b",
    "СUP",
    "CUP\n",
    "\ud800",
    "ＣUP",
    "'--",
    "__proto__",
  ])("the SKU %j is not CUP", async (sku) => {
    const response = await place(JSON.stringify(lineOf(sku)));
    expect([400, 422]).toContain(response.status);
  });

  it("names of what every object has are SKUs like any other", async () => {
    for (const sku of ["constructor", "toString", "hasOwnProperty", "valueOf"]) {
      expect((await place(JSON.stringify(lineOf(sku)))).status).toBe(422);
      await addItem(sku);
      const response = await place(JSON.stringify(lineOf(sku)));
      expect(response.status).toBe(202);
      expect(await response.json()).toMatchObject({ lines: [{ sku, quantity: 1 }] });
    }
  });
});

it("a name with SQL or markup is kept as text; NUL, overrides and half surrogates are refused", async () => {
  const token = await operatorToken();
  const price = { amount: 1, currency: "EUR" };
  const names = ["'; DROP TABLE items; --", "<script>", "%00", "🍵"];
  for (const [i, name] of names.entries()) {
    const path = `/v1/items/NAMED-${i}`;
    const { status } = await call("PUT", path, { token, body: { name, price } });
    expect(status).toBe(201);
    const item = (await (await call("GET", path)).json()) as { name: string };
    expect(item.name).toBe(name);
  }
  for (const name of ["\ud800", "a\u0000b", "\u202egpj", "a\r\nb"]) {
    const response = await call("PUT", "/v1/items/HALF", { token, body: { name, price } });
    expect([name, response.status]).toEqual([name, 400]);
  }
  const headers = { "Idempotency-Key": "half" };
  const body = { delta: 1, reason: "\udfff" };
  const adjusted = await call("POST", "/v1/items/CUP/stock", { token, headers, body });
  expect(adjusted.status).toBe(400);
});
