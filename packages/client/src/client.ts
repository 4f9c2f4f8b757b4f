import { type Change, type ChangesOptions, readChanges } from "./changes.ts";
import type { Feed, FeedOptions, WebSocketLike } from "./feed-options.ts";
import { feedPorts } from "./feed-ports.ts";
import { OrderFeed } from "./feed.ts";
import { type Fetch, requester, type RequestOptions, type Token } from "./request.ts";
import type { CallOptions } from "./retry.ts";
import type {
  Config,
  Guest,
  Item,
  ItemPage,
  NewOrder,
  NewPayment,
  NewReturn,
  Order,
  OrderPage,
  OrderStatus,
  Payment,
  PaymentPage,
  PaymentState,
  RecordedReturn,
} from "./types.ts";
import { orderPath, waitFor, type WaitOptions } from "./wait.ts";

export interface ClientOptions {
  /** Where Lockstock is, for instance `https://shop.example`. */
  url: string;
  token?: Token | undefined;
  /** Instead of the global one. */
  fetch?: Fetch | undefined;
  /** Instead of the global one, which Node has since version 22. */
  WebSocket?: (new (url: string, protocols: string[]) => WebSocketLike) | undefined;
}

export interface PlaceOptions extends CallOptions {
  /**
   * The order's idempotency key, 1 to 255 characters of visible ASCII. Store it before you call, and
   * an order that is placed again with it after a reload or a crash counts once. Default: a new one.
   */
  key?: string | undefined;
  /**
   * Waits up to so many seconds for the outcome, at most 10: the order is then `confirmed`, or the
   * call throws `out_of_stock`, `limit_exceeded` or `paused`, or the order is still `pending`.
   */
  wait_s?: number | undefined;
}

export interface PageOptions extends CallOptions {
  /** 1 to 100; default 20. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

export interface GuestOptions extends CallOptions {
  /** What the Turnstile widget gave its callback. */
  turnstileToken?: string | undefined;
}

/**
 * The calls of the API. Each throws `LockstockProblem`. Those that may be repeated are, while they
 * fail for now (no response, 408, 429, 5xx), for two minutes or `timeout_ms`; that is all but
 * `extend`.
 */
export interface Client {
  /**
   * Places an order, once: it is sent with the same key until there is an answer. When the time is
   * over, the problem has the `key`, with which you may go on for 24 hours.
   *
   * @example
   * ```ts
   * const key = crypto.randomUUID();
   * localStorage.setItem("order", key); // a page that reloads repeats it with this key
   * const order = await shop.placeOrder({ lines: [{ sku: "VINYL-TIDES", quantity: 1 }] }, { key });
   * ```
   */
  placeOrder(order: NewOrder, options?: PlaceOptions): Promise<Order>;

  /**
   * The order, once it is decided: `confirmed`, `cancelled` or later. Throws `undecided` when the
   * time is over, with the order in `body.order`.
   *
   * @example
   * ```ts
   * const { status, reason } = await shop.wait(order.id, { signal: AbortSignal.timeout(30_000) });
   * ```
   */
  wait(orderId: string, options?: WaitOptions): Promise<Order>;

  /**
   * Follows the customer's orders over a WebSocket that reconnects, and over HTTP until it has.
   *
   * @example
   * ```ts
   * const feed = shop.feed({
   *   onOrder: ({ id, status }) => console.log(id, status),
   *   onConnection: (connection) => console.log(connection),
   *   onEnd: (problem) => console.log("log in again", problem.title),
   * });
   * feed.close();
   * ```
   */
  feed(options: FeedOptions): Feed;

  /**
   * Every step of every order and payment, for a service with `operations:read`. It goes on until
   * `signal` is aborted or you leave the loop, and through an hour without any answer
   * (`timeout_ms`). Throws `changes_reset` if `after` is too old: then read what you have anew, and
   * start without `after`.
   *
   * @example
   * ```ts
   * for await (const change of shop.changes({ after: await load() })) {
   *   if (change.type === "order.paid" && change.order) await ship(change.order);
   *   await store(change.cursor);
   * }
   * ```
   */
  changes(options?: ChangesOptions): AsyncGenerator<Change, never, undefined>;

  /** @example `const order = await shop.order(id);` */
  order(orderId: string, options?: CallOptions): Promise<Order>;
  /** The customer's own orders, newest first. @example `await shop.orders({ status: "paid" })` */
  orders(options?: PageOptions & { status?: OrderStatus | undefined }): Promise<OrderPage>;
  /** @example `await shop.cancel(order.id);` */
  cancel(orderId: string, options?: CallOptions): Promise<Order>;
  /** Services only, as is all below but the catalogue. @example `await shop.pay(order.id);` */
  pay(orderId: string, options?: CallOptions): Promise<Order>;
  /** Gives more time to pay. Not repeated. @example `await shop.extend(order.id, 600);` */
  extend(orderId: string, seconds: number, options?: CallOptions): Promise<Order>;
  /** Its `key` counts once. @example `await shop.returnGoods(id, parcel.goods, parcel.number)` */
  returnGoods(
    orderId: string,
    goods: NewReturn,
    key: string,
    options?: CallOptions,
  ): Promise<RecordedReturn>;

  /** Its `reference` counts once. @example `const { state } = await shop.recordPayment(payment);` */
  recordPayment(payment: NewPayment, options?: CallOptions): Promise<Payment>;
  /** @example `const { payments } = await shop.payments({ state: "unmatched" });` */
  payments(
    options?: PageOptions & { state?: PaymentState | undefined; orderId?: string | undefined },
  ): Promise<PaymentPage>;
  /** Says that an unmatched payment was paid back. @example `await shop.refunded("pi_1");` */
  refunded(reference: string, options?: CallOptions): Promise<Payment>;

  /** The catalogue, or some of it. @example `const { items } = await shop.items({ skus: ["A", "B"] });` */
  items(options?: PageOptions & { skus?: readonly string[] | undefined }): Promise<ItemPage>;
  /** @example `const { available } = await shop.item("VINYL-TIDES");` */
  item(sku: string, options?: CallOptions): Promise<Item>;
  /** What the deployment has. @example `const { turnstile } = await shop.config();` */
  config(options?: CallOptions): Promise<Config>;
  /**
   * A new customer with a token, where guest checkout is on. If `config()` has `turnstile`, it needs
   * the token of that widget. A token counts once: after `challenge_failed` get another one.
   *
   * @example
   * ```ts
   * const { customerId, token } = await shop.createGuest({ turnstileToken });
   * ```
   */
  createGuest(options?: GuestOptions): Promise<Guest>;

  /**
   * Any other call of the API. `T` is what you expect; it is not checked.
   *
   * @example
   * ```ts
   * const level = await shop.request<{ available: number }>("GET", "/v1/items/VINYL-TIDES/stock");
   * ```
   */
  request<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
}

/**
 * A client of Lockstock, without dependencies, for browsers, Node and Workers.
 *
 * @example
 * ```ts
 * const shop = createClient({ url: "https://shop.example", token: () => session.token });
 * const placed = await shop.placeOrder({ lines: [{ sku: "VINYL-TIDES", quantity: 1 }] });
 * const order = await shop.wait(placed.id);
 * ```
 */
export function createClient(options: ClientOptions): Client {
  const base = new URL(options.url).href.replace(/\/$/, "");
  const { token = null, fetch = (url, init) => globalThis.fetch(url, init) } = options;
  const request = requester({ base, token, fetch });
  const post = <T>(path: string, body?: unknown, more: RequestOptions = {}) =>
    request<T>("POST", path, { isRepeatable: true, body, ...more });
  const get = <T>(path: string, { limit, cursor, ...more }: PageOptions & RequestOptions = {}) =>
    request<T>("GET", path, { ...more, query: { limit, cursor, ...more.query } });

  const client: Client = {
    request,
    placeOrder: (order, { key = newKey(), ...more } = {}) =>
      post("/v1/orders", order, { key, ...more }),
    wait: (id, more = {}) => waitFor(request, id, more),
    feed: (feedOptions) => new OrderFeed(feedPorts(client, base, options), feedOptions),
    changes: (more = {}) => readChanges(request, more),

    order: (id, more) => get(orderPath(id), more),
    orders: ({ status, ...more } = {}) => get("/v1/orders", { ...more, query: { status } }),
    cancel: (id, more) => post(`${orderPath(id)}/cancel`, undefined, more),
    pay: (id, more) => post(`${orderPath(id)}/pay`, undefined, more),
    extend: (id, seconds, more) =>
      post(`${orderPath(id)}/extend`, { seconds }, { ...more, isRepeatable: false }),
    returnGoods: (id, goods, key, more) =>
      post(`${orderPath(id)}/returns`, goods, { key, ...more }),

    recordPayment: async (payment, more) =>
      (await post<{ payment: Payment }>("/v1/payments", payment, more)).payment,
    payments: ({ state, orderId, ...more } = {}) =>
      get("/v1/payments", { ...more, query: { state, orderId } }),
    refunded: async (reference, more) => {
      const path = `/v1/payments/${encodeURIComponent(reference)}/refunded`;
      return (await post<{ payment: Payment }>(path, undefined, more)).payment;
    },

    items: ({ skus, ...more } = {}) => get("/v1/items", { ...more, query: { sku: skus?.join() } }),
    item: (sku, more) => get(`/v1/items/${encodeURIComponent(sku)}`, more),
    config: (more) => get("/v1/config", more),
    createGuest: ({ turnstileToken, ...more } = {}) =>
      post("/v1/guests", turnstileToken === undefined ? undefined : { turnstileToken }, more),
  };
  return client;
}

/** 128 random bits. `crypto.randomUUID` is missing in pages that are not served by https. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
