import { createLocalJWKSet, errors, type JSONWebKeySet } from "jose";
import { errorText } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { logThrottled } from "./log-throttle.ts";
import { Problem } from "./problem.ts";

/**
 * A JSON Web Key Set that is fetched from its issuer (RFC 7517). jose chooses and imports the keys
 * (`createLocalJWKSet`). Its `createRemoteJWKSet` is not used: on Workers it fetches once for each
 * request that finds no keys, it forgets a good set when it cannot be fetched again, and it tells
 * an unknown key from one that may have been published since by no error of its own.
 */

type Keys = ReturnType<typeof createLocalJWKSet>;
interface Good {
  keys: Keys;
  asked_ms: number;
  /** Of which fetch it is: clocks have no order within a millisecond. */
  nth: number;
}
/** Keeps work going when the request that has started it is answered. */
export type Background = (work: Promise<unknown>) => void;

const FETCH_TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1_024;
const MAX_KEYS = 100;
/** From one fetch to the next, whatever the reason. */
const COOLDOWN_MS = 5_000;
/** Older ones go on serving while they are fetched anew. */
const FRESH_MS = 600_000;
/** While the set cannot be fetched, the last good one serves for so long. */
const LAST_GOOD_MS = 86_400_000;
const LOOK_MS = 50;

export class KeySet {
  readonly #url: string;
  /** The last good set. */
  #good: Good | undefined;
  /** Fetches so far; when the last began, whether it is under way still, and when the next may. */
  #fetches = 0;
  #asked_ms = -Infinity;
  #isUnderWay = false;
  #next_ms = -Infinity;

  constructor(url: string) {
    this.#url = url;
  }

  /**
   * What `check` makes of the keys. When it finds none for its token, and the set was asked for
   * before this call, the key may have been published since: then the set is fetched anew. Throws
   * `unavailable` where keys cannot be had, so that nobody throws away a token that may be good.
   */
  async verify<T>(check: (keys: Keys) => Promise<T>, background: Background): Promise<T> {
    const before = this.#fetches;
    const known = this.#lastGood() ?? (await this.#fetched(() => this.#lastGood(), background));
    if (Date.now() - known.asked_ms > FRESH_MS) background(this.#refresh());
    try {
      return await check(known.keys);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || known.nth > before) throw error;
    }
    const newer = () => (this.#good && this.#good.nth > before ? this.#good : undefined);
    return await check((await this.#fetched(newer, background)).keys);
  }

  #lastGood(): Good | undefined {
    return this.#good && Date.now() - this.#good.asked_ms < LAST_GOOD_MS ? this.#good : undefined;
  }

  async #refresh(): Promise<void> {
    if (Date.now() < this.#next_ms) return;
    await this.#fetch().catch(() => undefined); // It is logged, and the last good set serves.
  }

  /** The set that `found` looks for, fetched if it is not there. Throws `unavailable`. */
  async #fetched(found: () => Good | undefined, background: Background): Promise<Good> {
    // Another request's promise must not be awaited: it never ends when that request is cancelled.
    while (this.#isBusy()) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const good = found();
    if (good) return good;
    const left_ms = this.#next_ms - Date.now();
    if (left_ms > 0) throw unavailable(left_ms);
    const fetching = this.#fetch();
    // As background work it goes on when the client of this request hangs up: else anybody could
    // start a fetch, leave, and have all others wait for a fetch that never ends.
    background(fetching.catch(() => undefined));
    return await fetching.catch(() => {
      throw unavailable(COOLDOWN_MS);
    });
  }

  /** A fetch whose request was cancelled never says that it is over: it ends with its time limit. */
  #isBusy(): boolean {
    return this.#isUnderWay && Date.now() - this.#asked_ms < FETCH_TIMEOUT_MS;
  }

  async #fetch(): Promise<Good> {
    const nth = ++this.#fetches;
    const asked_ms = (this.#asked_ms = Date.now());
    this.#isUnderWay = true;
    this.#next_ms = asked_ms + FETCH_TIMEOUT_MS + COOLDOWN_MS;
    let next_ms = asked_ms + COOLDOWN_MS;
    try {
      const set = await withTimeout(FETCH_TIMEOUT_MS, () => fetchSet(this.#url), "the key set");
      const good = { keys: createLocalJWKSet(set), asked_ms, nth };
      // One that was given up may end late: it must not put older keys over newer ones.
      if (nth > (this.#good?.nth ?? 0)) this.#good = good;
      return good;
    } catch (error) {
      next_ms = Date.now() + COOLDOWN_MS;
      logThrottled("error", "auth.keys_unavailable", { error: errorText(error) });
      throw error;
    } finally {
      if (nth === this.#fetches) {
        this.#isUnderWay = false;
        this.#next_ms = next_ms;
      }
    }
  }
}

const unavailable = (left_ms: number): Problem =>
  new Problem("unavailable", {
    detail: "The keys to verify tokens cannot be had.",
    headers: { "Retry-After": String(Math.max(1, Math.ceil(left_ms / 1_000))) },
  });

async function fetchSet(url: string): Promise<JSONWebKeySet> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  // "manual": whoever could redirect would choose the keys.
  const response = await fetch(url, {
    headers: { Accept: "application/json, application/jwk-set+json" },
    redirect: "manual",
    signal,
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the key set is answered with ${response.status}`);
  }
  const set = JSON.parse(await boundedText(response)) as JSONWebKeySet;
  // Whether it is a key set at all is for jose to say.
  if (set?.keys?.length > MAX_KEYS) throw new Error(`the key set has more than ${MAX_KEYS} keys`);
  return set;
}

async function boundedText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new Error(`the key set has more than ${MAX_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
