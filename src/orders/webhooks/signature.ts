/** Signatures of Standard Webhooks (https://www.standardwebhooks.com, "Signature scheme"). */

const PREFIX = "whsec_";
/** The specification asks for 24 to 64 bytes. */
const SECRET_BYTES = 32;

export function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return PREFIX + base64(bytes);
}

/** `v1,<base64>` for each secret, separated by spaces: HMAC-SHA256 of `<id>.<timestamp>.<body>`. */
export async function signatureOf(
  { id, timestamp_s, body }: { id: string; timestamp_s: number; body: string },
  secrets: readonly string[],
): Promise<string> {
  const signed = new TextEncoder().encode(`${id}.${timestamp_s}.${body}`);
  const signatures = secrets.map(async (secret) => {
    const bytes = Uint8Array.from(atob(secret.slice(PREFIX.length)), (c) => c.charCodeAt(0));
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]);
    return `v1,${base64(new Uint8Array(await crypto.subtle.sign("HMAC", key, signed)))}`;
  });
  return (await Promise.all(signatures)).join(" ");
}

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));
