export class TimeoutError extends Error {
  override name = "TimeoutError";
}

/**
 * The result of `call`, or a `TimeoutError` after `limit_ms`; the call itself goes on. Its own few
 * lines, because it stands around every RPC: p-timeout makes its error, with a stack, before it is
 * needed, and looks for `cancel` on the promise, which an RPC promise takes for a remote call.
 */
export function withTimeout<T>(
  limit_ms: number,
  call: () => PromiseLike<T>,
  what = "the call",
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new TimeoutError(`${what} took longer than ${limit_ms} ms`)),
      limit_ms,
    );
    const end = () => clearTimeout(timer);
    try {
      call().then(
        (value) => {
          end();
          resolve(value);
        },
        (error: unknown) => {
          end();
          reject(error);
        },
      );
    } catch (error) {
      end();
      reject(error);
    }
  });
}
