import { integerVar } from "../runtime/vars.ts";

const DAY_MS = 86_400_000;

/** Locks are kept for longer than any queue keeps a message, which is 14 days at most (Queues limits). */
export function retentionOf(vars: Pick<StockEnv, "LOCK_RETENTION_DAYS" | "LEDGER_RETENTION_DAYS">) {
  const days = (name: keyof typeof vars, min: number) =>
    integerVar(name, vars[name], min, 3_650) * DAY_MS;
  return {
    lockRetention_ms: days("LOCK_RETENTION_DAYS", 15),
    ledgerRetention_ms: days("LEDGER_RETENTION_DAYS", 1),
  };
}
