/** The client of Lockstock. README.md has examples. */

export type {
  Change,
  ChangedItem,
  ChangePage,
  ChangesOptions,
  OrderStep,
  PaymentStep,
} from "./changes.ts";
export {
  type Client,
  type ClientOptions,
  createClient,
  type GuestOptions,
  type PageOptions,
  type PlaceOptions,
} from "./client.ts";
export type { Connection, Feed, FeedOptions, WebSocketLike } from "./feed-options.ts";
export {
  type AnyCode,
  type ClientCode,
  LockstockProblem,
  type ProblemBody,
  type ProblemCode,
  problemOf,
  type ResponseLike,
} from "./problem.ts";
export type { Fetch, RequestOptions, Token } from "./request.ts";
export { type CallOptions, retry } from "./retry.ts";
export type * from "./types.ts";
export type { WaitOptions } from "./wait.ts";
export {
  type HeadersLike,
  type VerifyOptions,
  verifyWebhook,
  WebhookError,
  type WebhookErrorCode,
  type WebhookEvent,
  type WebhookOrder,
} from "./webhook.ts";
