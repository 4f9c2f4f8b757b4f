import { randomUUID } from "node:crypto";
import { signHs256 } from "../../scripts/lib/jwt.ts";
import type { Prepared } from "./load.ts";

/** Prepared orders. Every customer sends one order, as in a sale: no token is seen twice. */

export const AUTH_SECRET = "a secret of the bench, never deployed";
const ISSUED_FOR = "24h";

export interface Line {
  sku: string;
  quantity: number;
}

const tokens = new Map<string, Promise<string>>();

/** Signed once in a process: signing is no part of what is measured. */
export function tokenOf(subject: string, scope?: string): Promise<string> {
  const known = tokens.get(subject);
  if (known) return known;
  const token = signHs256(AUTH_SECRET, subject, { scope, expires: ISSUED_FOR });
  tokens.set(subject, token);
  return token;
}

export interface OrderOptions {
  /** Value of `Prefer`; without it the queue is taken. */
  prefer?: string;
  /** Default true: an `Idempotency-Key`, which a careful client sends and which costs a row. */
  hasKeys?: boolean;
  /** Default: customer i of the order i. */
  customerOf?: (i: number) => string;
}

/** The same bytes for every system; the baselines read the customer's name from `x-customer`. */
export function orders(
  lines: readonly Line[][],
  { prefer, hasKeys = true, customerOf = (i) => `customer-${i}` }: OrderOptions = {},
): Promise<Prepared[]> {
  return Promise.all(
    lines.map(async (own, i): Promise<Prepared> => {
      const customer = customerOf(i);
      return {
        method: "POST",
        path: "/v1/orders",
        headers: {
          authorization: `Bearer ${await tokenOf(customer)}`,
          "content-type": "application/json",
          "x-customer": customer,
          ...(hasKeys && { "idempotency-key": randomUUID() }),
          ...(prefer !== undefined && { prefer }),
        },
        body: JSON.stringify({ lines: own }),
      };
    }),
  );
}
