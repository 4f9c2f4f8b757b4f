import { AsyncLocalStorage } from "node:async_hooks";
import type { Kernel } from "./kernel.ts";

/** What the platform allows background work after its client has gone (Workers limits). */
const BACKGROUND_MS = 30_000;

/**
 * The context of one HTTP request in an isolate. When its client hangs up the platform tears it down,
 * unless background work (`waitUntil`) keeps it for a while: no answer and no timer reaches its code
 * any more, which so stops for good, without its `finally`.
 */
export class RequestContext {
  isTornDown = false;
  readonly #kernel: Kernel;
  #isCancelled = false;
  #background = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** The client has gone. */
  cancel(): void {
    this.#isCancelled = true;
    this.#endIfIdle();
    this.#kernel.after(BACKGROUND_MS, "", () => {
      this.isTornDown = true;
    });
  }

  waitUntil(work: Promise<unknown>): void {
    this.#background++;
    const done = (): void => {
      this.#background--;
      this.#endIfIdle();
    };
    work.then(done, done);
  }

  #endIfIdle(): void {
    if (this.#isCancelled && this.#background === 0) this.isTornDown = true;
  }
}

/** The request that the running code works for; objects and consumers work for none. */
const current = new AsyncLocalStorage<RequestContext>();

export const requestNow = (): RequestContext | undefined => current.getStore();

export const asRequest = <T>(context: RequestContext | undefined, work: () => T): T =>
  context === undefined ? work() : current.run(context, work);
