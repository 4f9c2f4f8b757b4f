import { createHmac } from "node:crypto";
import { Random } from "../../scripts/lib/random.ts";
import { START_MS } from "../kernel/kernel.ts";

/** Tokens as an issuer makes them, good ones and bad ones. */

/** What the simulated deployment is configured with. */
export const IDENTITY = {
  AUTH_SECRET: "a secret of the simulation, long enough",
  AUTH_SECRET_PREVIOUS: "the secret of the simulation before that",
  AUTH_ISSUER: "https://id.simulation.example/",
  AUTH_AUDIENCE: "lockstock",
} as const;

export interface Claims {
  iss?: string;
  aud?: string;
  sub: string;
  scope?: string;
  /** Seconds since 1970. */
  nbf?: number;
  exp: number;
}

const base64url = (text: string): string => Buffer.from(text).toString("base64url");
const HEAD = base64url('{"alg":"HS256"}');
const DAY_S = 86_400;

export function sign(claims: Claims, secret: string): string {
  const signed = `${HEAD}.${base64url(JSON.stringify(claims))}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

const HERE = { iss: IDENTITY.AUTH_ISSUER, aud: IDENTITY.AUTH_AUDIENCE };

/** A token for the whole run. */
export const longToken = (sub: string, scope: string, secret: string): string =>
  sign({ ...HERE, sub, scope, exp: START_MS / 1_000 + 30 * DAY_S }, secret);

/** The clock of a client, and of whoever issues its tokens, may be wrong by this much. */
const MAX_SKEW_S = 20;
const LIFE_S = 60;

/**
 * The tokens of one party: some are still signed by the secret before the rotation, and some live
 * for a minute by a wrong clock: one that is fast uses them before they are valid here, and one that
 * is slow when they have run out here.
 */
export class Tokens {
  readonly secret: string;
  readonly #sub: string;
  readonly #scope: string;
  /** Null: one token for the whole run. */
  readonly #skew_s: number | null;
  #issued_s = -Infinity;

  constructor(seed: number, sub: string, scope: string) {
    const random = new Random(seed, `tokens of ${sub}`);
    this.#sub = sub;
    this.#scope = scope;
    this.secret = random.chance(0.3) ? IDENTITY.AUTH_SECRET_PREVIOUS : IDENTITY.AUTH_SECRET;
    this.#skew_s = random.chance(0.4) ? random.int(-MAX_SKEW_S, MAX_SKEW_S) : null;
  }

  /** The one that its client sends at this moment. */
  at(now_ms: number): string {
    if (this.#skew_s === null) return longToken(this.#sub, this.#scope, this.secret);
    const clock_s = Math.floor(now_ms / 1_000) + this.#skew_s;
    if (clock_s >= this.#issued_s + LIFE_S) this.#issued_s = clock_s;
    const claims = { ...HERE, sub: this.#sub, scope: this.#scope };
    return sign({ ...claims, nbf: this.#issued_s, exp: this.#issued_s + LIFE_S }, this.secret);
  }
}

/** Each has to be refused, whatever it asks for. */
export const IMPOSTORS = [
  "another audience",
  "no audience",
  "another issuer",
  "no issuer",
  "an unknown secret",
  "run out",
  "not valid yet",
] as const;
export type Impostor = (typeof IMPOSTORS)[number];

export function impostorToken(kind: Impostor, sub: string, now_ms: number): string {
  const now_s = Math.floor(now_ms / 1_000);
  const { iss, aud } = HERE;
  const claims: Claims = { iss, aud, sub, scope: "operator", exp: now_s + LIFE_S };
  const secret = IDENTITY.AUTH_SECRET;
  switch (kind) {
    case "another audience":
      return sign({ ...claims, aud: "mail" }, secret);
    case "no audience":
      return sign({ iss, sub, scope: "operator", exp: claims.exp }, secret);
    case "another issuer":
      return sign({ ...claims, iss: "https://id.other.example/" }, secret);
    case "no issuer":
      return sign({ aud, sub, scope: "operator", exp: claims.exp }, secret);
    case "an unknown secret":
      return sign(claims, "a secret that nobody has set anywhere");
    // Latency is on top: far enough from the leeway of 30 s on either side.
    case "run out":
      return sign({ ...claims, exp: now_s - 60 }, secret);
    case "not valid yet":
      return sign({ ...claims, nbf: now_s + 3_600, exp: now_s + 7_200 }, secret);
  }
}
