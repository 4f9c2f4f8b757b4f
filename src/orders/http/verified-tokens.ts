import type { AuthSettings } from "./auth-settings.ts";
import type { Caller } from "./scopes.ts";

/** Callers poll, page and wait with one token; short enough that clocks and keys need no more care. */
const KEPT_MS = 60_000;
/** With the longest of them 4 MB of an isolate's 128 (Workers limits). */
const MAX_TOKENS = 1_000;
const MAX_CHARS = 2_048;

interface Verified {
  caller: Caller;
  settings: AuthSettings;
  /** Which keys it was verified with. */
  keysVersion: number;
  at_ms: number;
}

/**
 * Tokens that an isolate has verified lately. A token is verified anew when it was not seen for a
 * minute, when the settings are others, or when the issuer's keys were fetched since: a key that is
 * withdrawn verifies nothing from then on.
 */
export class VerifiedTokens {
  /** The ones verified first come first. */
  readonly #known = new Map<string, Verified>();

  /** Undefined: it has to be verified. */
  get(
    token: string,
    settings: AuthSettings,
    keysVersion: number,
    now_ms: number,
  ): Caller | undefined {
    const known = this.#known.get(token);
    if (known?.settings !== settings || known.keysVersion !== keysVersion) return undefined;
    const { caller, at_ms } = known;
    // A clock that was set back must not keep it either.
    return Math.abs(now_ms - at_ms) < KEPT_MS && now_ms < caller.expires_ms ? caller : undefined;
  }

  add(token: string, verified: Verified): void {
    if (token.length > MAX_CHARS) return;
    this.#known.delete(token);
    this.#known.set(token, verified);
    if (this.#known.size <= MAX_TOKENS) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      break;
    }
  }
}
