import pTimeout from "p-timeout";

export { TimeoutError } from "p-timeout";

/**
 * The result of `call`, or a `TimeoutError` after `limit_ms`. The call is wrapped because p-timeout
 * looks for `cancel` on the promise it waits for, and an RPC promise takes that for a remote call.
 */
export function within<T>(
  limit_ms: number,
  call: () => PromiseLike<T>,
  what = "the call",
): Promise<T> {
  return pTimeout((async () => await call())(), {
    milliseconds: limit_ms,
    message: `${what} took longer than ${limit_ms} ms`,
  });
}
