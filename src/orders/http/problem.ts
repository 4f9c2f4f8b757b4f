import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** The closed list of error codes, each with its status and title. */
export const PROBLEMS = {
  invalid_request: [400, "The request is not valid"],
  idempotency_key_required: [400, "An Idempotency-Key header is required"],
  unauthenticated: [401, "A valid bearer token is required"],
  forbidden: [403, "This call is not allowed for this token"],
  challenge_failed: [403, "The check for new guests was not passed"],
  not_found: [404, "There is no such thing"],
  method_not_allowed: [405, "This method is not allowed here"],
  not_acceptable: [406, "There is no such representation"],
  out_of_stock: [409, "There is not enough stock"],
  limit_exceeded: [409, "The limit per customer is exceeded"],
  paused: [409, "The item takes no orders at the moment"],
  sale_not_open: [409, "The sale is not open"],
  price_changed: [409, "The total is not the expected one"],
  not_cancellable: [409, "The order cannot be cancelled any more"],
  not_payable: [409, "The order cannot be paid"],
  not_extendable: [409, "The payment window cannot be extended"],
  not_returnable: [409, "Nothing of the order can be returned"],
  return_exceeds_sold: [409, "More units would be returned than are still sold"],
  not_refundable: [409, "The payment is not to be refunded"],
  too_many_webhooks: [409, "There are too many webhooks"],
  unfinished_orders: [409, "The customer has unfinished orders"],
  insufficient_available: [409, "Fewer units are available than would be taken away"],
  not_frozen: [409, "The service is not frozen"],
  recovery_needed: [409, "The restored database has to be recovered first"],
  recovery_waits: [409, "Recovery has to wait for calls that are still under way"],
  recovery_reset: [409, "Recovery has to begin anew"],
  not_an_orphan: [409, "The order is known, or its item has no lock of it"],
  changes_reset: [410, "The changes cannot be continued from this cursor"],
  stock_changed: [409, "The stock has changed since it was counted"],
  precondition_failed: [412, "The resource has changed since"],
  payload_too_large: [413, "The body is too large"],
  unsupported_media_type: [415, "The body must be application/json, without a content coding"],
  unknown_item: [422, "The order names an item that does not exist"],
  idempotency_key_reused: [422, "The idempotency key was used for something else"],
  upgrade_required: [426, "A WebSocket upgrade is required"],
  rate_limited: [429, "Too many requests"],
  internal: [500, "Something went wrong"],
  frozen: [503, "The service is frozen"],
  unavailable: [503, "The service cannot answer now"],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface ValidationError {
  /** A JSON pointer into the body, or the name of a parameter or header. */
  path: string;
  message: string;
}

interface ProblemOptions {
  detail?: string;
  /** Further members of the problem, e.g. `shortages`. */
  extra?: Record<string, unknown>;
  headers?: Record<string, string>;
}

/** The `Retry-After` of a 503. */
const RETRY_AFTER_SECONDS = "2";

/** An error that a client sees as `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly options: ProblemOptions;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(options.detail ?? PROBLEMS[code][1]);
    this.name = "Problem";
    this.code = code;
    this.options = options;
  }
}

export const invalid = (errors: ValidationError[]): Problem =>
  new Problem("invalid_request", {
    detail: errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; "),
    extra: { errors },
  });

export function problemResponse(c: Context, { code, options }: Problem): Response {
  const [status, title] = PROBLEMS[code];
  const body = {
    type: `/docs#${code}`,
    title,
    status,
    detail: options.detail ?? `${title}.`,
    code,
    requestId: c.get("requestId"),
    ...options.extra,
  };
  return c.body(JSON.stringify(body), status, {
    "Content-Type": "application/problem+json",
    ...(code === "unauthenticated" && { "WWW-Authenticate": "Bearer" }),
    ...(code === "unavailable" && { "Retry-After": RETRY_AFTER_SECONDS }),
    ...options.headers,
  });
}
