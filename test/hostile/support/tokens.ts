import { env } from "cloudflare:workers";
import { tokenFor } from "./worker.ts";

const base64url = (json: unknown): string =>
  btoa(JSON.stringify(json)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const soon = (): number => Math.floor(Date.now() / 1000) + 3_600;

/** A token made by hand, signed with the right secret: claims that no library would write. */
async function signed(header: object, claims: object, hash = "SHA-256"): Promise<string> {
  const secret = new TextEncoder().encode(env.AUTH_SECRET!);
  const algorithm = { name: "HMAC", hash };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  const text = `${base64url(header)}.${base64url(claims)}`;
  const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  const bytes = String.fromCharCode(...new Uint8Array(mac));
  return `${text}.${btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

const HS256 = { alg: "HS256", typ: "JWT" };
const rich = { sub: "alice", scope: "operator", exp: 0 };

/** Every way of not having a token, each with the operator's scope in it. */
export const badTokens: Record<string, () => Promise<string | undefined>> = {
  none: async () => undefined,
  empty: async () => "",
  "no token at all": async () => "aGVsbG8.d29ybGQ",
  expired: () => tokenFor("alice", { scope: "operator", lasts_s: -31 }),
  "expires in words": () => signed(HS256, { ...rich, exp: "tomorrow" }),
  "never expires": () => signed(HS256, { sub: "alice", scope: "operator" }),
  "not valid yet": () => signed(HS256, { ...rich, exp: soon(), nbf: soon() }),
  "from the future": () => signed(HS256, { ...rich, exp: soon(), iat: soon() - 3_560 }),
  "from a time in words": () => signed(HS256, { ...rich, exp: soon(), iat: "now" }),
  "forged with another secret": () =>
    tokenFor("alice", { scope: "operator", secret: "another secret, just as long as it" }),
  "with another payload": async () => {
    const [head, , mac] = (await tokenFor("alice")).split(".");
    return `${head}.${base64url({ ...rich, exp: soon() })}.${mac}`;
  },
  "with its signature cut off": async () => (await tokenFor("alice")).replace(/[^.]+$/, ""),
  "algorithm none": async () =>
    `${base64url({ alg: "none" })}.${base64url({ ...rich, exp: soon() })}.`,
  "algorithm HS512, right secret": () =>
    tokenFor("alice", { scope: "operator", header: { alg: "HS512" } }),
  "says RS256, signed HS256": () => signed({ alg: "RS256", kid: "1" }, { ...rich, exp: soon() }),
  "brings its own key": () =>
    signed(
      { alg: "HS256", jwk: { kty: "oct", k: "AAAA" }, crit: ["jwk"] },
      { ...rich, exp: soon() },
    ),
  "no sub": () => tokenFor(undefined, { scope: "operator" }),
  "empty sub": () => tokenFor("", { scope: "operator" }),
  "sub is a number": () => signed(HS256, { ...rich, sub: 7, exp: soon() }),
  "sub is an object": () => signed(HS256, { ...rich, sub: { $ne: "" }, exp: soon() }),
  "sub with half a surrogate": () => signed(HS256, { ...rich, sub: "a\ud800", exp: soon() }),
  "sub of 256 characters": () => tokenFor("a".repeat(256), { scope: "operator" }),
};

/** Valid tokens of customers who would like to be operators. */
export const almostOperators: Record<string, () => Promise<string>> = {
  "no scope": () => tokenFor("alice"),
  operators: () => tokenFor("alice", { scope: "operators" }),
  Operator: () => tokenFor("alice", { scope: "Operator" }),
  "not-operator": () => tokenFor("alice", { scope: "not-operator read" }),
  "a list": () => signed(HS256, { sub: "alice", scope: ["operator"], exp: soon() }),
  "an object": () => signed(HS256, { sub: "alice", scope: { operator: true }, exp: soon() }),
  "another claim": () => signed(HS256, { sub: "alice", scopes: "operator", exp: soon() }),
};
