import { SignJWT } from "jose";
import { localVars } from "./project.ts";

/** A JWT for a local run: HS256 by AUTH_SECRET, valid for 24 hours. */
export async function signToken(subject: string, scope?: string): Promise<string> {
  const secret = localVars()["AUTH_SECRET"];
  if (!secret) throw new Error("AUTH_SECRET is not set");
  return await new SignJWT(scope ? { scope } : {})
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime("24h")
    .sign(new TextEncoder().encode(secret));
}
