import { beforeAll, describe, expect, it, vi } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { type Scope, SCOPES } from "../../src/orders/http/scopes.ts";
import { expectProblem, written } from "./support/answers.ts";
import { nameOf, pathOf, type Route, ROUTES, SKU } from "./support/routes.ts";
import { almostOperators, badTokens } from "./support/tokens.ts";
import {
  addItem,
  call,
  lineOf,
  migrate,
  operatorToken,
  tokenFor,
  varsOf,
} from "./support/worker.ts";

const routes = new Set(app.routes.map(nameOf));
const table = ROUTES.filter((route) => routes.has(nameOf(route))).map(
  (route) => [nameOf(route), route] as const,
);
const closed = table.filter(([, { who }]) => who !== "anyone");
const services = table.filter(([, { who }]) => who === "service");
const SCOPE_NAMES = Object.keys(SCOPES) as Scope[];

let order = "";

beforeAll(async () => {
  vi.spyOn(console, "warn").mockReturnValue(undefined);
  await migrate();
  await addItem(SKU);
  const token = await tokenFor("alice");
  const placed = await call("POST", "/v1/orders", { token, body: lineOf(SKU) });
  order = ((await placed.json()) as { id: string }).id;
});

interface Asking {
  /** The token goes into the header as it is, even when it is nothing. */
  isBad?: boolean;
  /** For a customer: a service's body names one. */
  customerId?: string;
}

/** A call that would be a good one, but for who makes it. */
function ask(route: Route, token: string | undefined, asking: Asking = {}): Promise<Response> {
  const { isBad = false, customerId } = asking;
  const headers: Record<string, string> = { "Idempotency-Key": crypto.randomUUID() };
  if (isBad && token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  // Only a service may name a customer.
  const forServices = customerId === undefined && { customerId, amountDue: undefined };
  const body = route.body && { ...route.body, ...(forServices || { customerId }) };
  const options = { headers, body, vars: varsOf(route), ...(!isBad && { token }) };
  return call(route.method, pathOf(route, { sku: SKU, id: order }), options);
}

describe("invariant 12: without a valid token a call is 401 and writes nothing:", () => {
  it.each(closed)("%s", async (_, route) => {
    const before = await written();
    for (const [name, make] of Object.entries(badTokens)) {
      const response = await ask(route, await make(), { isBad: true });
      expect([name, response.status]).toEqual([name, 401]);
      expect(response.headers.get("WWW-Authenticate")).toBe("Bearer");
      expect(await expectProblem(response)).toBe("unauthenticated");
    }
    expect(await written()).toEqual(before);
  });
});

it("a signature is compared by WebCrypto, in constant time, and by nothing else", async () => {
  const verify = vi.spyOn(crypto.subtle, "verify");
  const [head, claims, mac = ""] = (await tokenFor("alice")).split(".");
  // Right but for one character, the first or the last that counts.
  const turned = (at: number) =>
    mac.slice(0, at) + (mac[at] === "A" ? "Q" : "A") + mac.slice(at + 1);
  for (const signature of [turned(0), turned(mac.length - 2), mac]) {
    verify.mockClear();
    const token = `${head}.${claims}.${signature}`;
    const { status } = await call("GET", "/v1/orders", { token });
    expect(status).toBe(signature === mac ? 200 : 401);
    expect(verify).toHaveBeenCalledTimes(1);
  }
  verify.mockRestore();
});

describe("invariant 12: without a scope a service's call is 403 and writes nothing:", () => {
  it.each(services)("%s", async (_, route) => {
    const before = await written();
    const guest = (await (await call("POST", "/v1/guests")).json()) as { token: string };
    const tokens = [
      guest.token,
      ...(await Promise.all(Object.values(almostOperators).map((make) => make()))),
    ];
    for (const token of tokens) {
      const response = await ask(route, token);
      expect(response.status).toBe(403);
      expect(await expectProblem(response)).toBe("forbidden");
    }
    expect(await written()).toEqual(before);
  });
});

describe("what anyone may call asks for no token, and minds none:", () => {
  it.each(table.filter(([, { who, isSigned }]) => who === "anyone" && !isSigned))(
    "%s",
    async (_, route) => {
      for (const make of Object.values(badTokens)) {
        expect((await ask(route, await make(), { isBad: true })).status).toBeLessThan(300);
      }
    },
  );
});

describe("invariant 12: another customer's order is not there, and stays as it is:", () => {
  const ofOrders = table.filter(
    ([, { path, who }]) => path.includes("/v1/orders/:id") && who === "customer",
  );
  it.each(ofOrders)("%s", async (_, route) => {
    const before = await written();
    const guest = (await (await call("POST", "/v1/guests")).json()) as { token: string };
    // Ids that are alike in one way or the other.
    const others = ["bob", "Alice", "alice ", "alice\u0000", "%", "ali_e", "guest_alice"];
    const tokens = await Promise.all(others.map((id) => tokenFor(id)));
    for (const token of [guest.token, ...tokens]) {
      const response = await ask(route, token);
      expect(response.status).toBe(404);
      expect(await expectProblem(response)).toBe("not_found");
    }
    for (const token of tokens) {
      const list = await call("GET", "/v1/orders", { token });
      expect(await list.json()).toEqual({ orders: [], nextCursor: null });
    }
    expect(await written()).toEqual(before);
  });
});

describe("who may call is let in:", () => {
  it.each(closed)("%s", async (_, route) => {
    const own = route.who === "customer" ? [await tokenFor("alice")] : [];
    for (const token of [...own, await operatorToken()]) {
      const { status } = await ask(route, token);
      expect([401, 403]).not.toContain(status);
    }
  });
});

describe("invariant 12: each route takes the scopes of docs/authorization.md, and no other:", () => {
  const scoped = closed.filter(([, { scopes }]) => scopes !== undefined);
  const cases = scoped.flatMap(([name, route]) =>
    SCOPE_NAMES.map((scope) => [name, scope, route] as const),
  );
  it.each(cases)("%s with %s", async (_, scope, route) => {
    const before = await written();
    const customerId = route.body && route.who === "customer" ? "alice" : undefined;
    const asking = customerId === undefined ? {} : { customerId };
    // Other words of a scope claim mean nothing, and one scope is enough.
    const token = await tokenFor("service", { scope: `openid ${scope}` });
    const response = await ask(route, token, asking);
    const isGranted = route.scopes?.includes(scope) === true;
    const { detail, code } =
      response.status === 403
        ? await response.json<{ detail: string; code: string }>()
        : { detail: "", code: "" };
    const named = (route.scopes ?? []).filter((needed) => detail.includes(needed));
    expect([code, named]).toEqual(isGranted ? ["", []] : ["forbidden", route.scopes]);
    expect(response.status).not.toBe(401);
    expect(isGranted ? before : await written()).toEqual(before);
  });
});

it("a service sees what is its own without a scope for it, and nobody else's orders", async () => {
  for (const scope of SCOPE_NAMES) {
    const token = await tokenFor("service-2", { scope });
    const list = await call("GET", "/v1/orders", { token });
    expect(await list.json()).toEqual({ orders: [], nextCursor: null });
    expect((await call("GET", "/v1/feed", { token })).status).toBe(426);
  }
});
