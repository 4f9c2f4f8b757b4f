import { expect, test, vi } from "vitest";
import {
  createClient,
  LockstockProblem,
  problemOf,
  type Token,
} from "../../packages/client/src/index.ts";
import { type Answer, orderView, problem, serve } from "./client-server.ts";

const ORDER = { lines: [{ sku: "VINYL-TIDES", quantity: 1 }] };

/** What a call throws. */
const failure = async (call: Promise<unknown>): Promise<LockstockProblem> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LockstockProblem);
  return error as LockstockProblem;
};

const FAULTS: Record<string, Answer> = {
  "a cut connection": "cut",
  "half an answer": { status: 202, body: orderView("o-1"), cutAfter: 20 },
  "a success that is no JSON": { status: 202, body: "<p>Welcome to this network</p>" },
  "500": problem(500, "internal"),
  "a proxy's 502": { status: 502, body: "<h1>Bad gateway</h1>" },
  "503": { ...problem(503, "unavailable"), headers: { "Retry-After": "1" } },
  "429": problem(429, "rate_limited"),
};

test.each(Object.entries(FAULTS))(
  "an order is sent again with its key after %s",
  async (_, fault) => {
    const placed = { status: 202, body: orderView("o-1") };
    const { url, heard } = await serve((n) => (n === 1 ? fault : placed));
    const pauses: number[] = [];
    const order = await createClient({ url, token: "t" }).placeOrder(ORDER, {
      onRetry: (_problem, pause_ms) => void pauses.push(pause_ms),
    });
    expect(order.id).toBe("o-1");
    expect(pauses).toEqual([expect.any(Number)]);
    expect(heard).toHaveLength(2);
    const keys = new Set(heard.map(({ headers }) => headers["idempotency-key"]));
    expect([...keys]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(new Set(heard.map(({ body }) => body))).toEqual(new Set([JSON.stringify(ORDER)]));
    expect(heard[1]?.headers).toMatchObject({
      authorization: "Bearer t",
      "content-type": "application/json",
    });
  },
);

test("two orders have two keys, and one's own key is sent as it is", async () => {
  const { url, heard } = await serve(() => ({ status: 202, body: orderView("o-1") }));
  const shop = createClient({ url });
  await shop.placeOrder(ORDER);
  await shop.placeOrder(ORDER);
  await shop.placeOrder(ORDER, { key: "cart-42", wait_s: 5 });
  const keys = heard.map(({ headers }) => headers["idempotency-key"]);
  expect(new Set(keys).size).toBe(3);
  expect(keys[2]).toBe("cart-42");
  expect(heard.map(({ headers }) => headers.prefer)).toEqual([undefined, undefined, "wait=5"]);
});

test("a refusal is an answer: it is not repeated, and has what the server said", async () => {
  const shortages = [{ sku: "A", requested: 2, available: 1, reason: "out_of_stock" }];
  const { url, heard } = await serve(() => problem(409, "out_of_stock", { shortages }));
  const refused = await failure(createClient({ url }).placeOrder(ORDER, { key: "k" }));
  expect(refused).toMatchObject({
    code: "out_of_stock",
    status: 409,
    title: "Title of out_of_stock",
    detail: "Detail.",
    requestId: "r-1",
    retryAfter_s: null,
    key: "k",
    isTemporary: false,
    body: { shortages },
  });
  expect(heard).toHaveLength(1);
});

test("a refusal that is cut off is no answer: it is asked for again, with the same key", async () => {
  const { url, heard } = await serve((n) =>
    n === 1
      ? { ...problem(409, "out_of_stock"), cutAfter: 10 }
      : { status: 201, body: orderView("o-1", 2, "confirmed") },
  );
  const order = await createClient({ url }).placeOrder(ORDER, { key: "k" });
  expect(order.status).toBe("confirmed");
  expect(heard.map(({ headers }) => headers["idempotency-key"])).toEqual(["k", "k"]);
});

test("a response that breaks off is no problem of the server", async () => {
  const { url } = await serve(() => ({ ...problem(409, "out_of_stock"), cutAfter: 10 }));
  const response = await fetch(url);
  expect(await problemOf(response, "k")).toMatchObject({
    code: "no_response",
    status: 0,
    key: "k",
  });
});

test("codes of newer servers and pages of proxies are problems too", async () => {
  const { url } = await serve((n) =>
    n === 1
      ? problem(409, "of_a_newer_server")
      : { status: 404, headers: { "Content-Type": "text/html" }, body: "<h1>Not here</h1>" },
  );
  const shop = createClient({ url });
  expect(await failure(shop.cancel("o-1"))).toMatchObject({ code: "of_a_newer_server" });
  expect(await failure(shop.cancel("o-1"))).toMatchObject({ code: "bad_response", status: 404 });
});

test("after its time a call throws the last problem, with its key", async () => {
  const { url, heard } = await serve(() => problem(503, "unavailable"));
  const shop = createClient({ url });
  const late = await failure(shop.placeOrder(ORDER, { timeout_ms: 1_000 }));
  expect(late).toMatchObject({ code: "unavailable", isTemporary: true });
  expect(heard.length).toBeGreaterThan(1);
  expect(heard[0]?.headers["idempotency-key"]).toBe(late.key);
  const before = heard.length;
  await failure(shop.items({ timeout_ms: 0 }));
  expect(heard).toHaveLength(before + 1);
});

test("extend and a POST without a key are sent once", async () => {
  const { url, heard } = await serve(() => "cut");
  const shop = createClient({ url });
  await failure(shop.extend("o-1", 60));
  await failure(shop.request("POST", "/v1/dead-letters/1/replay"));
  expect(heard).toHaveLength(2);
});

test("an aborted call ends at once with the signal's reason, during an attempt and a pause", async () => {
  const { url, gone, heard } = await serve((n) =>
    n === 1 ? "hang" : { ...problem(503, "unavailable"), headers: { "Retry-After": "60" } },
  );
  const shop = createClient({ url });
  const first = new AbortController();
  const call = shop.placeOrder(ORDER, { signal: first.signal });
  await vi.waitFor(() => expect(heard).toHaveLength(1));
  first.abort(new Error("no longer wanted"));
  await expect(call).rejects.toThrow("no longer wanted");
  await vi.waitFor(() => expect(gone()).toBe(1));

  const second = new AbortController();
  const onRetry = () => setTimeout(() => second.abort(), 10);
  // A pause of a minute, which is longer than the test may take.
  const paused = shop.placeOrder(ORDER, { signal: second.signal, onRetry });
  await expect(paused).rejects.toThrow("aborted");
  await expect(shop.placeOrder(ORDER, { signal: second.signal })).rejects.toThrow("aborted");
  expect(heard).toHaveLength(2);
});

test("a refused token is asked for anew, once, and the call repeated only with another one", async () => {
  const { url, heard } = await serve((_, { headers }) =>
    headers.authorization === "Bearer good"
      ? { body: { items: [], nextCursor: null } }
      : problem(401, "unauthenticated"),
  );
  const asked: (string | undefined)[] = [];
  const tokenOf =
    (next: string): Token =>
    (refused) => {
      asked.push(refused);
      return refused === undefined ? "stale" : next;
    };
  await createClient({ url, token: tokenOf("good") }).items();
  expect(asked).toEqual([undefined, "stale"]);
  expect(heard.map(({ headers }) => headers.authorization)).toEqual([
    "Bearer stale",
    "Bearer good",
  ]);
  await failure(createClient({ url, token: tokenOf("stale") }).items());
  await failure(createClient({ url, token: tokenOf("bad") }).items());
  await failure(createClient({ url, token: "stale" }).items());
  expect(heard).toHaveLength(2 + 1 + 2 + 1);
});

test("Retry-After is seconds or a date, and problemOf reads a response of one's own", async () => {
  const of = (value: string) =>
    problemOf(new Response("", { status: 503, headers: { "Retry-After": value } }));
  expect((await of("7")).retryAfter_s).toBe(7);
  const date = new Date(Date.now() + 60_000).toUTCString();
  expect((await of(date)).retryAfter_s).toBeGreaterThan(50);
  expect((await of("soon")).retryAfter_s).toBeNull();
});

test("wait polls a server that does not hold its answers, with growing pauses", async () => {
  const { url, heard } = await serve((n) => ({
    body: n < 4 ? orderView("o-1") : orderView("o-1", 2, "confirmed"),
  }));
  const shop = createClient({ url });
  const started_ms = Date.now();
  expect(await shop.wait("o-1")).toMatchObject({ status: "confirmed" });
  expect(heard.map(({ headers }) => headers.prefer)).toEqual(Array(4).fill("wait=10"));
  expect(Date.now() - started_ms).toBeGreaterThan(650); // 100 + 200 + 400
});

test("wait throws the order that is undecided when its time is over", async () => {
  const { url } = await serve(() => ({ body: orderView("o-1") }));
  const late = await failure(createClient({ url }).wait("o-1", { timeout_ms: 500, wait_s: 0 }));
  expect(late).toMatchObject({ code: "undecided", body: { order: { id: "o-1" } } });
});

test("paths and queries are encoded, and the base may have a path", async () => {
  const { url, heard } = await serve(() => ({ body: { payment: {}, orders: [] } }));
  const shop = createClient({ url: `${url}/shop/` });
  await shop.refunded("a/b?c");
  await shop.orders({ status: "paid", limit: 5, cursor: "x&y" });
  await shop.payments({ orderId: "o 1" });
  expect(heard.map(({ path }) => path)).toEqual([
    "/shop/v1/payments/a%2Fb%3Fc/refunded",
    "/shop/v1/orders?limit=5&cursor=x%26y&status=paid",
    "/shop/v1/payments?orderId=o%201",
  ]);
  expect(() => createClient({ url: "shop" })).toThrow("Invalid URL");
});

test("a guest has the token of the widget as its body, and none without Turnstile", async () => {
  const { url, heard } = await serve((n) =>
    n === 1
      ? { body: { turnstile: { siteKey: "key", action: "guest" } } }
      : { status: 201, body: {} },
  );
  const shop = createClient({ url });
  expect((await shop.config()).turnstile).toEqual({ siteKey: "key", action: "guest" });
  await shop.createGuest({ turnstileToken: "of the widget" });
  await shop.createGuest({ timeout_ms: 0 });
  expect(heard.map(({ method, path, body }) => [method, path, body])).toEqual([
    ["GET", "/v1/config", ""],
    ["POST", "/v1/guests", '{"turnstileToken":"of the widget"}'],
    ["POST", "/v1/guests", ""],
  ]);
});

test("a guest whose token is refused is not tried again with it", async () => {
  const { url, heard } = await serve(() => problem(403, "challenge_failed"));
  const refused = await failure(createClient({ url }).createGuest({ turnstileToken: "old" }));
  expect(refused).toMatchObject({ code: "challenge_failed", isTemporary: false });
  expect(heard).toHaveLength(1);
});
