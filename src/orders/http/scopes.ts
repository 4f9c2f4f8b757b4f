import type { Actor } from "../../contract/actor.ts";
import { Problem } from "./problem.ts";

/** The scopes of services and what each allows; docs/authorization.md lists their routes. */
export const SCOPES = {
  "orders:create": "place orders, for any customer",
  "orders:read": "read any order",
  "orders:cancel": "cancel any order",
  "orders:pay": "record payments, refunds and returns, extend the time to pay",
  "catalogue:write": "create, change and archive items",
  "stock:write": "receive and take away units, pause items, read levels, ledgers and demand",
  "operations:read":
    "read counts, all orders, items and payments, histories, dead letters, levels, ledgers and demand",
  "operations:write": "compare and repair, replay and discard dead letters, erase customers",
  "webhooks:write": "add, change and delete webhooks, send their events again",
} as const;

export type Scope = keyof typeof SCOPES;

/** This scope includes all others. */
export const OPERATOR = "operator";

const ALL_SCOPES = Object.keys(SCOPES) as Scope[];

/** The caller that a verified token names. */
export interface Caller {
  /** The customer's id or the service's name. Idempotency keys belong to one `sub`. */
  sub: string;
  /** Empty for a customer. */
  scopes: ReadonlySet<Scope>;
  expires_ms: number;
}

/** The known scopes of a `scope` claim (RFC 8693, 4.2); ignores anything else that it holds. */
export function scopesOf(claim: unknown): ReadonlySet<Scope> {
  const words = typeof claim === "string" ? claim.split(" ") : [];
  return new Set(
    words.includes(OPERATOR) ? ALL_SCOPES : ALL_SCOPES.filter((scope) => words.includes(scope)),
  );
}

/** A caller with a scope is a service, with a customer's rights to orders of its own `sub`. */
export const isService = ({ scopes }: Caller): boolean => scopes.size > 0;

/** The caller as histories and ledgers name it. */
export const actorOf = (caller: Caller): Actor => ({
  kind: isService(caller) ? "service" : "customer",
  sub: caller.sub,
});

/** Throws `forbidden` unless the caller has one of these scopes. */
export function assertScope({ scopes }: Caller, ...oneOf: [Scope, ...Scope[]]): void {
  if (oneOf.some((scope) => scopes.has(scope))) return;
  throw new Problem("forbidden", { detail: `The scope ${oneOf.join(" or ")} is required.` });
}
