import { createLocalJWKSet, errors, type JSONWebKeySet } from "jose";
import { errorText } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { logThrottled } from "./log-throttle.ts";
import { Problem } from "./problem.ts";
import { readBounded } from "./validation.ts";

type Keys = ReturnType<typeof createLocalJWKSet>;
interface CachedSet {
  keys: Keys;
  fetchedAt_ms: number;
  /** Orders the fetches: two of them may begin in the same millisecond. */
  fetchNumber: number;
}
/** Runs work to its end even after the request that started it was answered. */
export type Background = (work: Promise<unknown>) => void;

const FETCH_TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1_024;
const MAX_KEYS = 100;
/** Least time between two fetches, whatever their reason. */
const COOLDOWN_MS = 5_000;
/** An older set is still used, while it is fetched again in the background. */
const FRESH_MS = 600_000;
/** How long a set is used while it cannot be fetched again. */
const MAX_STALE_MS = 86_400_000;
const POLL_MS = 50;

/**
 * A JSON Web Key Set (RFC 7517), fetched from its issuer and cached. jose chooses and imports the
 * keys (`createLocalJWKSet`). jose's `createRemoteJWKSet` does not fit: on Workers it fetches once
 * for each request that finds no key, it drops a good set when the next fetch fails, and its error
 * does not tell an unknown key from a key that may have been published since the last fetch.
 */
export class KeySet {
  readonly #url: string;
  /** The last set that was fetched successfully. */
  #cached: CachedSet | undefined;
  /** Fetches so far. */
  #fetches = 0;
  /** When the last fetch began, whether it is still running, and when the next one may begin. */
  #startedAt_ms = -Infinity;
  #isFetching = false;
  #nextFetchAt_ms = -Infinity;

  constructor(url: string) {
    this.#url = url;
  }

  /** Grows with each set that is fetched; 0: there is none yet. */
  get version(): number {
    return this.#cached?.fetchNumber ?? 0;
  }

  /**
   * Runs `check` with the keys. If `check` finds no key for its token, and the set was fetched
   * before this call, the key may have been published since: the set is then fetched again and
   * `check` repeated. Throws `unavailable` (503), not 401, when the keys cannot be fetched, so that
   * clients do not discard a token that may be valid.
   */
  async verify<T>(check: (keys: Keys) => Promise<T>, background: Background): Promise<T> {
    const before = this.#fetches;
    const known = this.#usable() ?? (await this.#waitFor(() => this.#usable(), background));
    const now_ms = Date.now();
    if (now_ms - known.fetchedAt_ms > FRESH_MS && now_ms >= this.#nextFetchAt_ms) {
      background(this.#fetch().catch(() => undefined)); // #fetch logs it; the cached set serves.
    }
    try {
      return await check(known.keys);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || known.fetchNumber > before) throw error;
    }
    const newer = () =>
      this.#cached && this.#cached.fetchNumber > before ? this.#cached : undefined;
    return await check((await this.#waitFor(newer, background)).keys);
  }

  #usable(): CachedSet | undefined {
    const isUsable = this.#cached && Date.now() - this.#cached.fetchedAt_ms < MAX_STALE_MS;
    return isUsable ? this.#cached : undefined;
  }

  /** Waits until `find` returns a set, and fetches one if necessary. Throws `unavailable`. */
  async #waitFor(find: () => CachedSet | undefined, background: Background): Promise<CachedSet> {
    // Polls, because the promise of another request never settles if that request is cancelled. Nor
    // does its fetch reset `#isFetching` then, so the fetch counts as ended after its time limit.
    const isBusy = () => this.#isFetching && Date.now() - this.#startedAt_ms < FETCH_TIMEOUT_MS;
    while (isBusy()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const found = find();
    if (found) return found;
    const left_ms = this.#nextFetchAt_ms - Date.now();
    if (left_ms > 0) throw unavailable(left_ms);
    const fetching = this.#fetch();
    // As background work, the fetch goes on when the client of this request hangs up. Otherwise
    // anybody could start a fetch, leave, and let all others wait for a fetch that never ends.
    background(fetching.catch(() => undefined));
    return await fetching.catch(() => {
      throw unavailable(COOLDOWN_MS);
    });
  }

  async #fetch(): Promise<CachedSet> {
    const fetchNumber = ++this.#fetches;
    const fetchedAt_ms = (this.#startedAt_ms = Date.now());
    this.#isFetching = true;
    this.#nextFetchAt_ms = fetchedAt_ms + FETCH_TIMEOUT_MS + COOLDOWN_MS;
    let next_ms = fetchedAt_ms + COOLDOWN_MS;
    try {
      const set = await withTimeout(FETCH_TIMEOUT_MS, () => fetchSet(this.#url), "the key set");
      const fetched = { keys: createLocalJWKSet(set), fetchedAt_ms, fetchNumber };
      // A fetch that exceeded its time limit may end late: it must not replace newer keys.
      if (fetchNumber > (this.#cached?.fetchNumber ?? 0)) this.#cached = fetched;
      return fetched;
    } catch (error) {
      next_ms = Date.now() + COOLDOWN_MS;
      logThrottled("error", "auth.key_set_fetch_failed", { error: errorText(error) });
      throw error;
    } finally {
      if (fetchNumber === this.#fetches) {
        this.#isFetching = false;
        this.#nextFetchAt_ms = next_ms;
      }
    }
  }
}

const unavailable = (left_ms: number): Problem =>
  new Problem("unavailable", {
    detail: "The keys to verify tokens cannot be fetched.",
    headers: { "Retry-After": String(Math.max(1, Math.ceil(left_ms / 1_000))) },
  });

async function fetchSet(url: string): Promise<JSONWebKeySet> {
  const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  // "manual": whoever can redirect this request could choose the keys.
  const response = await fetch(url, {
    headers: { Accept: "application/json, application/jwk-set+json" },
    redirect: "manual",
    signal,
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the key set's URL answered ${response.status}`);
  }
  const bytes = await readBounded(response.body, MAX_BYTES);
  if (bytes === null) throw new Error(`the key set has more than ${MAX_BYTES} bytes`);
  const set = JSON.parse(new TextDecoder().decode(bytes)) as JSONWebKeySet;
  // jose validates the rest when it imports the set.
  if (set?.keys?.length > MAX_KEYS) throw new Error(`the key set has more than ${MAX_KEYS} keys`);
  return set;
}
