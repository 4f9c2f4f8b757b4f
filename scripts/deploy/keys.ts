import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeJwt, jwtVerify } from "jose";
import { signHs256 } from "../lib/jwt.ts";

/**
 * The secret that signs tokens, and the operator's token, in a folder that git ignores. Both are
 * written before the secret is uploaded: a secret that only the platform knows signs nothing. What is
 * not uploaded yet is `secrets.next.json`; it is renamed once it is, so a repeat uploads it again.
 */

export interface Secrets {
  AUTH_SECRET: string;
  /** Accepted beside it after a rotation, so that nobody is logged out. */
  AUTH_SECRET_PREVIOUS?: string;
}

export interface Keys {
  secrets: Secrets;
  token: string;
  /** The file to upload; null if the Worker has it. */
  upload: string | null;
}

const DAY_S = 86_400;
const TOKEN_DAYS = 90;
/** A token with less left is replaced. */
const RENEW_DAYS = 30;

const files = (folder: string) => ({
  next: join(folder, "secrets.next.json"),
  current: join(folder, "secrets.json"),
  token: join(folder, "operator.token"),
});

export const tokenFile = (folder: string): string => files(folder).token;
/** Where the environment answers. */
export const urlFile = (folder: string): string => join(folder, "address");
export const secretsFile = (folder: string): string => files(folder).current;

/** The secrets that a folder holds, those to be uploaded first; null: none. */
export function readSecrets(folder: string): { secrets: Secrets; isUploaded: boolean } | null {
  const { next, current } = files(folder);
  const path = [next, current].find((file) => existsSync(file));
  if (path === undefined) return null;
  const secrets = JSON.parse(readFileSync(path, "utf8")) as Secrets;
  if (typeof secrets.AUTH_SECRET !== "string") throw new Error(`${path} has no AUTH_SECRET`);
  return { secrets, isUploaded: path === current };
}

export interface KeyOptions {
  /** A new secret takes the place of the present one. */
  rotate: boolean;
  /** Whether the Worker has a secret: one that is not in the folder was made elsewhere. */
  isDeployed: boolean;
  /** Instead of a new one; undefined: it is made. */
  given: string | undefined;
  claims: { iss?: string | undefined; aud?: string | undefined };
  now_ms: number;
}

/** Makes or reads the keys. Null: the Worker has a secret that this folder does not know. */
export async function prepareKeys(folder: string, options: KeyOptions): Promise<Keys | null> {
  const { rotate, isDeployed, given, now_ms } = options;
  const found = readSecrets(folder);
  const { next, current } = files(folder);
  // A rotation that was interrupted goes on with the secret that it has made.
  const isNew = found === null ? rotate || !isDeployed : rotate && found.isUploaded;
  if (found === null && !isNew) return null;
  const secrets = isNew || found === null ? newSecrets(given, found?.secrets) : found.secrets;
  if (isNew) writePrivate(folder, next, JSON.stringify(secrets));
  const token = await operatorToken(folder, secrets, options.claims, now_ms);
  const pending = existsSync(next) ? next : null;
  return { secrets, token, upload: pending ?? (isDeployed ? null : current) };
}

/** To be called once the file is uploaded. */
export function keysUploaded(folder: string): void {
  const { next, current } = files(folder);
  if (existsSync(next)) renameSync(next, current);
}

function newSecrets(given: string | undefined, old: Secrets | undefined): Secrets {
  const AUTH_SECRET = given ?? randomBytes(32).toString("base64url");
  return { AUTH_SECRET, ...(old && { AUTH_SECRET_PREVIOUS: old.AUTH_SECRET }) };
}

async function operatorToken(
  folder: string,
  { AUTH_SECRET }: Secrets,
  claims: KeyOptions["claims"],
  now_ms: number,
): Promise<string> {
  const { token: path } = files(folder);
  const now_s = Math.floor(now_ms / 1000);
  const kept = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  if (kept !== "" && (await isSignedBy(kept, AUTH_SECRET, now_s + RENEW_DAYS * DAY_S))) return kept;
  const token = await signHs256(AUTH_SECRET, "operator", {
    scope: "operator",
    expires: now_s + TOKEN_DAYS * DAY_S,
    ...claims,
  });
  writePrivate(folder, path, `${token}\n`);
  return token;
}

async function isSignedBy(token: string, secret: string, until_s: number): Promise<boolean> {
  try {
    if ((decodeJwt(token).exp ?? 0) < until_s) return false;
    await jwtVerify(token, new TextEncoder().encode(secret), { clockTolerance: 60 });
    return true;
  } catch {
    return false;
  }
}

/** Readable by its owner alone, and never half written. */
function writePrivate(folder: string, path: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  const draft = `${path}.draft`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}
