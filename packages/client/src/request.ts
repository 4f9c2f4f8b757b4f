import { LockstockProblem, noResponse, parsed, problemFrom, type ResponseLike } from "./problem.ts";
import { type CallOptions, retry, withTimeout } from "./retry.ts";

/** The time limit of one attempt; a requested wait comes on top. */
const ATTEMPT_MS = 20_000;

/** The part of `fetch` that the client uses. */
export type Fetch = (
  url: string,
  init: {
    method: string;
    headers: Record<string, string>;
    body: string | null;
    signal: AbortSignal;
  },
) => Promise<ResponseLike & { readonly ok: boolean }>;

/**
 * The bearer token, or a function that returns it before each call; null: none. The function is
 * called again with a token that the server has refused; if it then returns another one (of the
 * same caller, because orders and keys are the caller's), the call is repeated with that.
 */
export type Token = string | null | ((refused?: string) => string | null | Promise<string | null>);

export interface RequestOptions extends CallOptions {
  query?: Record<string, string | number | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** The `Idempotency-Key`. */
  key?: string | undefined;
  /** Sends `Prefer: wait`: the server holds its answer for up to so many seconds, at most 10. */
  wait_s?: number | undefined;
  /** Whether it may be sent twice. Default: GET, PUT and DELETE, and what has a key. */
  isRepeatable?: boolean;
}

export type Request = <T>(method: string, path: string, options?: RequestOptions) => Promise<T>;

export interface Access {
  /** Without a slash at the end. */
  base: string;
  token: Token;
  fetch: Fetch;
}

export function requester({ base, token, fetch }: Access): Request {
  return async <T>(method: string, path: string, options: RequestOptions = {}): Promise<T> => {
    const { query = {}, body, key, wait_s = 0, signal } = options;
    const url = base + path + queryText(query);
    const headers = {
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...(key !== undefined && { "Idempotency-Key": key }),
      ...(wait_s > 0 && { Prefer: `wait=${Math.ceil(wait_s)}` }),
      ...options.headers,
    };
    const text = body === undefined ? null : JSON.stringify(body);
    const send = (bearer: string | null) =>
      withTimeout(ATTEMPT_MS + wait_s * 1_000, signal, async (limit) => {
        const init = { method, headers: withToken(headers, bearer), body: text, signal: limit };
        try {
          return await bodyOf<T>(await fetch(url, init), key ?? null);
        } catch (error) {
          if (error instanceof LockstockProblem) throw error;
          signal?.throwIfAborted();
          throw noResponse(key ?? null, error);
        }
      });
    const call = () => withFreshToken(token, send);
    const { isRepeatable = key !== undefined || /^(?:GET|PUT|DELETE)$/.test(method) } = options;
    return isRepeatable ? await retry(call, options) : await call();
  };
}

const withToken = (headers: Record<string, string>, bearer: string | null) =>
  bearer === null ? headers : { Authorization: `Bearer ${bearer}`, ...headers };

/** Once more with another token, if the caller has one after the first was refused. */
async function withFreshToken<T>(
  token: Token,
  send: (bearer: string | null) => Promise<T>,
): Promise<T> {
  if (typeof token !== "function") return await send(token);
  const bearer = await token();
  try {
    return await send(bearer);
  } catch (error) {
    if (!(error instanceof LockstockProblem) || error.code !== "unauthenticated") throw error;
    const next = bearer === null ? null : await token(bearer);
    if (next === null || next === bearer) throw error;
    return await send(next);
  }
}

async function bodyOf<T>(
  response: ResponseLike & { readonly ok: boolean },
  key: string | null,
): Promise<T> {
  // A body that is cut off says nothing, whatever the status: it is as if there had been no response.
  const text = await response.text();
  if (!response.ok) throw problemFrom(response, text, key);
  if (response.status === 204) return undefined as T;
  const body = parsed(text);
  if (body !== undefined) return body as T;
  const { status } = response;
  const detail = "The body of the response is not JSON.";
  throw new LockstockProblem(
    { code: "bad_response", title: "Something went wrong", detail, status },
    { key },
  );
}

function queryText(query: Record<string, string | number | undefined>): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
