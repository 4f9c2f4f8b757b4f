import type { Item, Money, Order, Payment, Shortage } from "./types.ts";

/** The API's error codes. test/unit/client-types.test.ts holds them equal to the server's list. */
export type ProblemCode =
  | "invalid_request"
  | "idempotency_key_required"
  | "unauthenticated"
  | "forbidden"
  | "challenge_failed"
  | "not_found"
  | "method_not_allowed"
  | "not_acceptable"
  | "out_of_stock"
  | "limit_exceeded"
  | "paused"
  | "sale_not_open"
  | "price_changed"
  | "not_cancellable"
  | "not_payable"
  | "not_extendable"
  | "not_returnable"
  | "return_exceeds_sold"
  | "not_refundable"
  | "too_many_webhooks"
  | "unfinished_orders"
  | "insufficient_available"
  | "stock_changed"
  | "not_frozen"
  | "recovery_needed"
  | "recovery_waits"
  | "recovery_reset"
  | "not_an_orphan"
  | "changes_reset"
  | "precondition_failed"
  | "payload_too_large"
  | "unsupported_media_type"
  | "unknown_item"
  | "idempotency_key_reused"
  | "upgrade_required"
  | "rate_limited"
  | "internal"
  | "frozen"
  | "unavailable";

/**
 * Codes of this client. `no_response`: there was none, or not in time. `bad_response`: it is not the
 * API's, for instance a proxy's page. `undecided`: the time is over and the order still pending.
 */
export type ClientCode = "no_response" | "bad_response" | "undecided";

/** Any other text is a code of a newer server. */
export type AnyCode = ProblemCode | ClientCode | (string & {});

/** The body of a problem (RFC 9457), with the members that some codes add. */
export interface ProblemBody {
  code?: AnyCode;
  /** 0: there was no response. */
  status: number;
  title: string;
  detail: string;
  requestId?: string | null;
  /** `invalid_request`: what is wrong, and where. */
  errors?: { path: string; message: string }[];
  /** `out_of_stock`, `limit_exceeded`, `paused`. */
  shortages?: Shortage[];
  /** The order as it is: `not_cancellable`, `not_payable`, and a refusal after `wait_s`. */
  order?: Order;
  /** `limit_exceeded`: the customer's own orders that count towards the limit. */
  unfinishedOrders?: Order[];
  /** `price_changed`: the real total. */
  total?: Money;
  /** `sale_not_open`. */
  saleStartsAt?: string | null;
  saleEndsAt?: string | null;
  /** `idempotency_key_reused` and `not_refundable`, of a payment. */
  payment?: Payment;
  /** `precondition_failed`: the item as it is now. */
  item?: Omit<Item, "sku" | "available" | "paused"> & { status: "draft" | "listed" };
}

interface ProblemContext {
  retryAfter_s?: number | null;
  etag?: string | null;
  key?: string | null;
  cause?: unknown;
}

/**
 * Why a call failed: an error of the API (RFC 9457), or no response at all.
 *
 * @example
 * ```ts
 * try {
 *   await shop.placeOrder({ lines: [{ sku: "VINYL-TIDES", quantity: 1 }] }, { wait_s: 5 });
 * } catch (error) {
 *   if (!(error instanceof LockstockProblem)) throw error;
 *   if (error.code === "out_of_stock") console.log("Sold out", error.body.shortages);
 *   else console.log(error.title, error.detail, error.requestId);
 * }
 * ```
 */
export class LockstockProblem extends Error {
  override readonly name = "LockstockProblem";
  readonly body: ProblemBody;
  /** The response's `Retry-After` in seconds; null: it has none. */
  readonly retryAfter_s: number | null;
  /** The response's `ETag`; null: it has none. */
  readonly etag: string | null;
  /** The request's idempotency key: the same call with it counts once. Null: it had none. */
  readonly key: string | null;

  constructor(body: ProblemBody, context: ProblemContext = {}) {
    super(`${body.title}: ${body.detail}`, { cause: context.cause });
    this.body = body;
    this.retryAfter_s = context.retryAfter_s ?? null;
    this.etag = context.etag ?? null;
    this.key = context.key ?? null;
  }

  get code(): AnyCode {
    return this.body.code ?? "bad_response";
  }
  /** Of the response; 0: there was none. */
  get status(): number {
    return this.body.status;
  }
  get title(): string {
    return this.body.title;
  }
  get detail(): string {
    return this.body.detail;
  }
  /** What of the request is not valid, and where. */
  get errors(): readonly { path: string; message: string }[] {
    return this.body.errors ?? [];
  }
  /** Identifies the request in the service's logs. */
  get requestId(): string | null {
    return this.body.requestId ?? null;
  }
  /** Whether the same call may succeed later. The failed one may have taken effect all the same. */
  get isTemporary(): boolean {
    const { code, status } = this;
    if (status === 0 || status === 408 || status === 429 || status >= 500) return true;
    return code === "bad_response" && status < 300;
  }
}

export const noResponse = (key: string | null, cause: unknown): LockstockProblem =>
  new LockstockProblem(
    {
      code: "no_response",
      title: "The server cannot be reached",
      detail: "There was no response, or not in time.",
      status: 0,
    },
    { key, cause },
  );

/** What `problemOf` reads of a response. */
export interface ResponseLike {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The body as JSON; undefined: it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The problem of a response that is no success, for calls that you make without the client.
 *
 * @example
 * ```ts
 * const response = await fetch("https://shop.example/v1/dead-letters", { headers });
 * if (!response.ok) throw await problemOf(response);
 * ```
 */
export async function problemOf(
  response: ResponseLike,
  key: string | null = null,
): Promise<LockstockProblem> {
  try {
    return problemFrom(response, await response.text(), key);
  } catch (error) {
    // The connection has ended in the midst of the body.
    return noResponse(key, error);
  }
}

/** The same of a body that was read. */
export function problemFrom(
  { status, headers }: ResponseLike,
  text: string,
  key: string | null,
): LockstockProblem {
  const body = parsed(text);
  const known = isRecord(body) ? body : {};
  const textOf = (name: string, otherwise: string): string =>
    typeof known[name] === "string" ? known[name] : otherwise;
  return new LockstockProblem(
    {
      ...known,
      code: textOf("code", "bad_response"),
      title: textOf("title", "Something went wrong"),
      detail: textOf("detail", `Status ${status}.`),
      status,
    },
    { key, etag: headers.get("ETag"), retryAfter_s: secondsOf(headers.get("Retry-After")) },
  );
}

/** `Retry-After` is seconds or a date (RFC 9110, 10.2.3). */
function secondsOf(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header);
  const at_ms = Date.parse(header);
  return Number.isNaN(at_ms) ? null : Math.max(0, (at_ms - Date.now()) / 1_000);
}
