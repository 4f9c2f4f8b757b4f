/** Between two questions. */
const PERIOD_MS = 2_000;
/**
 * So many questions in a row without any answer: nothing answers any more. Each waits for as long as
 * it takes, so an overloaded server has a minute for each; the slowest answer seen under 6,000
 * connections took 18 s.
 */
const MAX_SILENT = 30;
/**
 * After a runtime has crashed fewer are enough. One that runs the Workers is back in a second, and
 * what waited for it has been answered. wrangler's proxy never answers again: its new process is not
 * told where the Workers are.
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

  /** Resolves to the time it has been silent for, in ms, once it is to be given up. */
  async untilSilent(): Promise<number> {
    const { period_ms, silent, silentAfterCrash } = this.#limits;
    return await new Promise((resolve) => {
      const timer = setInterval(() => {
        const limit = this.#hasCrashed ? silentAfterCrash : silent;
        if (this.#silent >= limit) {
          clearInterval(timer);
          resolve(this.#silent * period_ms);
        } else void this.#question();
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
