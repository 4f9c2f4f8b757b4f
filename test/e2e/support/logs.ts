import { expect } from "vitest";

/** Three base64url parts, the first of which starts a JSON object: a signed JWT. */
const JWT = /eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]{5,}/;

/** Holds for a whole run: some lines were logged, and none gives a token or the secret away. */
export function expectNoSecrets(lines: readonly string[], secret: string): void {
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.filter((line) => JWT.test(line) || line.includes(secret))).toEqual([]);
}
