import { Problem } from "./problem.ts";

/** What a caller may do. No I/O: the token has been verified. */

/** The scopes of services, and what each of them allows. docs/authorization.md lists the routes. */
export const SCOPES = {
  "orders:create": "place orders, for any customer",
  "orders:read": "read any order",
  "orders:cancel": "cancel any order",
  "orders:pay": "mark any order as paid",
  "catalogue:write": "create and replace items",
  "stock:write": "receive and take away units, read levels and ledgers",
  "operations:read": "read counts, all orders, histories, dead letters, levels and ledgers",
  "operations:write": "compare and repair, replay and discard dead letters",
  "webhooks:write": "reserved",
} as const;

export type Scope = keyof typeof SCOPES;

/** The scope that stands for all of them. */
export const OPERATOR = "operator";

const ALL = Object.keys(SCOPES) as Scope[];

/** Who calls, as the verified token says. */
export interface Caller {
  /** The customer, or the name of the service. Idempotency keys belong to it. */
  sub: string;
  /** Empty: a customer. */
  scopes: ReadonlySet<Scope>;
  expires_ms: number;
}

/** The known scopes of a `scope` claim (RFC 8693, section 4.2); whatever else it holds is ignored. */
export function scopesOf(claim: unknown): ReadonlySet<Scope> {
  // Tokens come from elsewhere: a claim may be of any type.
  const words = typeof claim === "string" ? claim.split(" ") : [];
  return new Set(words.includes(OPERATOR) ? ALL : ALL.filter((scope) => words.includes(scope)));
}

/** A service has at least one scope. It has the rights of its scopes, and to orders of its own `sub`. */
export const isService = ({ scopes }: Caller): boolean => scopes.size > 0;

/** Throws `forbidden` unless the caller has one of these scopes. */
export function assertScope({ scopes }: Caller, ...oneOf: [Scope, ...Scope[]]): void {
  if (oneOf.some((scope) => scopes.has(scope))) return;
  throw new Problem("forbidden", { detail: `The scope ${oneOf.join(" or ")} is required.` });
}
