import { signHs256 } from "./jwt.ts";
import { localVars } from "./project.ts";

/**
 * A JWT for a local run: HS256 by AUTH_SECRET, valid for 24 hours, for the first issuer and audience
 * that the run accepts.
 */
export async function signToken(subject: string, scope?: string): Promise<string> {
  const vars = localVars();
  const secret = vars["AUTH_SECRET"];
  if (!secret) throw new Error("AUTH_SECRET is not set");
  return await signHs256(secret, subject, {
    scope: scope || undefined,
    iss: firstOf(vars["AUTH_ISSUER"]),
    aud: firstOf(vars["AUTH_AUDIENCE"]),
    expires: "24h",
  });
}

const firstOf = (list = ""): string | undefined =>
  list
    .split(",")
    .map((value) => value.trim())
    .find((value) => value !== "");
