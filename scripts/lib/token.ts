import { SignJWT } from "jose";
import { localVars } from "./project.ts";

/**
 * A JWT for a local run: HS256 by AUTH_SECRET, valid for 24 hours, for the first issuer and audience
 * that the run accepts.
 */
export async function signToken(subject: string, scope?: string): Promise<string> {
  const vars = localVars();
  const secret = vars["AUTH_SECRET"];
  if (!secret) throw new Error("AUTH_SECRET is not set");
  const [iss, aud] = [firstOf(vars["AUTH_ISSUER"]), firstOf(vars["AUTH_AUDIENCE"])];
  return await new SignJWT({ ...(scope && { scope }), ...(iss && { iss }), ...(aud && { aud }) })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime("24h")
    .sign(new TextEncoder().encode(secret));
}

const firstOf = (list = ""): string | undefined =>
  list
    .split(",")
    .map((value) => value.trim())
    .find((value) => value !== "");
