import type { Kernel } from "../kernel/kernel.ts";
import type { Vat } from "../kernel/vat.ts";
import type { RateSettings } from "./settings.ts";

/** What became of one question to a limiter. */
export interface Verdict {
  at_ms: number;
  /** `none`: it failed, or never answered. */
  verdict: "allowed" | "refused" | "none";
}

/** Limiters answer from their own location. */
const NEAR_MS = [0.1, 2] as const;

/**
 * A rate-limit binding: so many calls of a key in each period of the clock. It can fail, before or
 * after it has counted, hang, and find that a key has used up its calls elsewhere.
 */
export class SimLimiter {
  readonly name: string;
  /** By key, for the model: every question of this run. */
  readonly verdicts = new Map<string, Verdict[]>();
  readonly #kernel: Kernel;
  readonly #settings: RateSettings;
  readonly #counts = new Map<string, { period: number; count: number }>();

  constructor(kernel: Kernel, settings: RateSettings) {
    this.name = settings.name;
    this.#kernel = kernel;
    this.#settings = settings;
  }

  /** The binding as one vat holds it. */
  binding(vat: Vat): RateLimit {
    const random = this.#kernel.random(`${this.name} of ${vat.name}`);
    const after = (run: () => void) => this.#kernel.after(random.between(...NEAR_MS), "", run);
    return {
      limit: ({ key }) =>
        new Promise((resolve, reject) => {
          vat.assertAlive();
          const settle = (what: () => void) => after(() => vat.isAlive && what());
          vat.post(() => {
            after(() => {
              const verdict = this.#ask(key);
              if (verdict === "hangs") return;
              settle(() =>
                verdict === "fails"
                  ? reject(new Error("The rate limiter failed."))
                  : resolve({ success: verdict === "allowed" }),
              );
            });
          });
        }),
    };
  }

  /** Whatever was used up elsewhere is there again. */
  heal(): void {
    this.#counts.clear();
  }

  #ask(key: string): "allowed" | "refused" | "fails" | "hangs" {
    const { faults } = this.#kernel;
    const label = `${this.name} ${key}`;
    if (faults.strike("limiter used up", label)) this.#counted(key).count = this.#settings.limit;
    const isAllowed = ++this.#counted(key).count <= this.#settings.limit;
    const isSilent = faults.strike("limiter fails", label)
      ? "fails"
      : faults.strike("limiter hangs", label) && "hangs";
    const verdict = isAllowed ? "allowed" : "refused";
    const asked = this.verdicts.get(key) ?? [];
    asked.push({ at_ms: this.#kernel.now_ms, verdict: isSilent ? "none" : verdict });
    this.verdicts.set(key, asked);
    return isSilent || verdict;
  }

  #counted(key: string): { period: number; count: number } {
    const period = Math.floor(this.#kernel.now_ms / this.#settings.period_ms);
    const found = this.#counts.get(key);
    if (found?.period === period) return found;
    const counted = { period, count: 0 };
    this.#counts.set(key, counted);
    return counted;
  }
}
