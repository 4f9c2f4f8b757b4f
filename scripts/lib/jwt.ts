import { type JWTPayload, SignJWT } from "jose";

export interface TokenOptions {
  /** Space separated. */
  scope?: string | undefined;
  /** A time, in seconds since 1970 as a number, or a span from now, such as `1h`. */
  expires?: string | number | Date;
  iss?: string | undefined;
  aud?: string | undefined;
}

/** A JWT of a subject, signed by HS256 with a shared secret. */
export const signHs256 = (
  secret: string,
  subject: string,
  { expires = "1h", ...claims }: TokenOptions = {},
): Promise<string> =>
  new SignJWT(claims as JWTPayload)
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));
