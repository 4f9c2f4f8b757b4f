import { setTimeout as sleep } from "node:timers/promises";

/** Between two questions. */
const PERIOD_MS = 2_000;
/**
 * After so many questions in a row without an answer the silence is told, and no more: an overloaded
 * server is slow, and wrangler holds all requests while a changed source does not build. Each
 * question waits for as long as this takes, a minute; the slowest answer that was seen, under 6,000
 * connections, took 18 s.
 */
const MAX_SILENT = 30;
/**
 * Once one of wrangler's two runtimes has crashed, so many mean that nobody will ever answer. The
 * one that runs the Workers is back in a second, and what waited for it has been answered. The proxy
 * in front is started again too, but is not told where the Workers are, and holds every request.
 */
const MAX_SILENT_AFTER_CRASH = 8;

export interface Limits {
  period_ms: number;
  silent: number;
  silentAfterCrash: number;
}

const LIMITS: Limits = {
  period_ms: PERIOD_MS,
  silent: MAX_SILENT,
  silentAfterCrash: MAX_SILENT_AFTER_CRASH,
};

/**
 * Asks a server again and again whether it is healthy. It counts questions, not seconds: a machine
 * that was suspended, or a process that was stopped, has asked nothing meanwhile.
 */
export class HealthWatch {
  readonly #ask: (limit_ms: number) => Promise<boolean>;
  readonly #limits: Limits;
  #silent = 0;
  /** Answers to earlier questions say nothing about the server after a crash. */
  #round = 0;
  #hasCrashed = false;

  constructor(ask: (limit_ms: number) => Promise<boolean>, limits: Limits = LIMITS) {
    this.#ask = ask;
    this.#limits = limits;
  }

  /** To be called when a runtime of the server is known to have ended. */
  crashed(): void {
    this.#hasCrashed = true;
    this.#silent = 0;
    this.#round++;
  }

  /**
   * Resolves to the time it has been silent for, in ms, once it is to be given up. `onSilence` hears
   * of a long silence that may pass.
   */
  async untilDead(onSilence: (silent_ms: number) => void): Promise<number> {
    const { period_ms, silent, silentAfterCrash } = this.#limits;
    return await new Promise((resolve) => {
      const timer = setInterval(() => {
        const silent_ms = this.#silent * period_ms;
        if (this.#hasCrashed && this.#silent >= silentAfterCrash) {
          clearInterval(timer);
          return resolve(silent_ms);
        }
        if (this.#silent > 0 && this.#silent % silent === 0) onSilence(silent_ms);
        return void this.#question();
      }, period_ms);
    });
  }

  async #question(): Promise<void> {
    const round = this.#round;
    this.#silent++;
    const { period_ms, silent } = this.#limits;
    const isHealthy = await this.#ask(period_ms * silent).catch(() => false);
    if (!isHealthy || round !== this.#round) return;
    this.#silent = 0;
    this.#hasCrashed = false;
  }
}

/** Whether the orders Worker, or the stock Worker alone, answers. Throws without an answer in time. */
export async function isHealthy(base: string, limit_ms = 5_000): Promise<boolean> {
  const response = await fetch(new URL("/healthz", base), {
    signal: AbortSignal.timeout(limit_ms),
  });
  await response.body?.cancel();
  return response.status === 200;
}

/** Waits until it is healthy. Throws past the limit, and when `hasEnded` says that it is over. */
export async function untilHealthy(
  base: string,
  limit_ms: number,
  hasEnded = () => false,
): Promise<void> {
  const deadline_ms = Date.now() + limit_ms;
  while (Date.now() < deadline_ms) {
    if (hasEnded()) throw new Error(`${base} has ended before it was ready`);
    if (await isHealthy(base).catch(() => false)) return;
    await sleep(50);
  }
  throw new Error(`${base}/healthz did not answer 200 within ${limit_ms / 1_000} s`);
}
