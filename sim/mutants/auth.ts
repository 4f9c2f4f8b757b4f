import type { Mutant } from "./mutant.ts";

/** Deliberate bugs of identity: whose token it is, and for whom a service acts. */
export const AUTH_MUTANTS: readonly Mutant[] = [
  {
    name: "the audience of a token is not checked",
    file: "src/orders/http/token-verification.ts",
    from: "    ...(audiences.length > 0 && { audience: [...audiences] }),\n",
    to: "",
  },
  {
    name: "the issuer of a token is not checked",
    file: "src/orders/http/token-verification.ts",
    from: "    ...(issuers.length > 0 && { issuer: [...issuers] }),\n",
    to: "",
  },
  {
    name: "the previous secret is forgotten",
    file: "src/orders/http/auth-settings.ts",
    from: "secrets: [AUTH_SECRET, ...previous] }",
    to: "secrets: [AUTH_SECRET] }",
  },
  {
    name: "a token that ran out a second ago, or is used a second early, is refused",
    file: "src/orders/http/token-verification.ts",
    from: "const LEEWAY_S = 30;",
    to: "const LEEWAY_S = 0;",
  },
  {
    name: "a key is shared by all services",
    file: "src/orders/http/orders.ts",
    from: "{ keyOwner: caller.sub }",
    to: "{ keyOwner: 'service' }",
  },
  {
    name: "the key of a service is its customer's",
    file: "src/orders/http/orders.ts",
    from: "{ keyOwner: caller.sub }",
    to: "{ keyOwner: customerId }",
  },
  {
    name: "an order of a service belongs to the service",
    file: "src/orders/http/orders.ts",
    from: "customerId: customerId ?? caller.sub,",
    to: "customerId: caller.sub,",
  },
];
