export class TimeoutError extends Error {
  override name = "TimeoutError";
}

/**
 * The result of `call`, or a `TimeoutError` after `limit_ms`. The call itself goes on. p-timeout does
 * not fit here, since this wraps every RPC: it creates its error, with a stack, before it is needed,
 * and it reads `cancel` of the promise, which an RPC promise takes for a remote call.
 */
export function withTimeout<T>(
  limit_ms: number,
  call: () => PromiseLike<T>,
  what = "the call",
): Promise<T> {
  return new Promise((resolve, reject) => {
    const expire = () => reject(new TimeoutError(`${what} took longer than ${limit_ms} ms`));
    const timer = setTimeout(expire, limit_ms);
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      reject(error);
    };
    try {
      call().then((value) => {
        clearTimeout(timer);
        resolve(value);
      }, fail);
    } catch (error) {
      fail(error);
    }
  });
}
