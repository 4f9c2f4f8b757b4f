import { asProblem, LockstockProblem } from "../shared/problem.ts";
import { Store } from "../shared/store.ts";
import { t } from "./texts/texts.ts";

/** The check that a new guest has to pass where the deployment has Turnstile on. */
export interface Challenge {
  /** Each try has a new frame, with a new widget. */
  attempt: number;
  /** Why the last try has made no guest; null: the widget is shown. */
  problem: LockstockProblem | null;
}

export const CHALLENGE_HEADING = "challenge";

/** Null: none is to be passed. */
export const challenge = new Store<Challenge | null>(null);

/** Hears of the widget that is shown. */
let answer: { pass: (token: string) => void; fail: (problem: LockstockProblem) => void } | null;
let retry: (() => void) | null = null;

/** The widget is passed. */
export const passed = (token: string): void => answer?.pass(token);
/** The widget could not be shown or passed. */
export const failed = (why: string): void => answer?.fail(notPassed(why));
/** The buyer wants to try again. */
export const tryAgain = (): void => retry?.();

/**
 * Shows the widget until `use` succeeds with its token, or until there is something else instead.
 * After each failure the buyer decides when to try again: a page that did so by itself would ask for
 * check after check.
 */
export async function withToken<T>(
  use: (token: string) => Promise<T>,
  instead: Promise<T>,
): Promise<T> {
  const other = instead.then((value) => ({ value }));
  try {
    for (let attempt = 1; ; attempt++) {
      challenge.set({ attempt, problem: null });
      try {
        const token = new Promise<string>((pass, fail) => (answer = { pass, fail }));
        const first = await Promise.race([token, other]);
        return typeof first === "string" ? await use(first) : first.value;
      } catch (error) {
        challenge.set({ attempt, problem: asProblem(error) });
        const again = new Promise<null>((resolve) => (retry = () => resolve(null)));
        const first = await Promise.race([again, other]);
        if (first !== null) return first.value;
      }
    }
  } finally {
    challenge.set(null);
  }
}

const notPassed = (why: string): LockstockProblem =>
  new LockstockProblem({
    code: "challenge_not_passed",
    status: 0,
    title: t.challenge.incomplete,
    detail: t.challenge.blocked(why),
  });
