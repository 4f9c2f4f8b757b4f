import type { ReconcilerHealth } from "../order/schedule-reconcile.ts";
import { MAX_PARKED, NEAR_LIMIT } from "../webhooks/webhook.ts";
import type { Dashboard } from "./dashboard.sql.ts";

/** What is wrong, in words, and what to do. docs/operations.md has a section for each. No I/O. */

export type AlertCode =
  | "frozen"
  | "item_put_back"
  | "stuck"
  | "cron_silent"
  | "stock_away"
  | "backlog"
  | "turnstile_misconfigured"
  | "breaches"
  | "dead_letters"
  | "money_unmatched"
  | "webhook_off"
  | "webhook_failing"
  | "webhook_refusing";

export interface Alert {
  code: AlertCode;
  /** Null: it is not known. */
  since: string | null;
  text: string;
  action: string;
}

/** What the database knows. */
export interface Troubles {
  unmatched: { count: number; since_ms: number | null };
  oldestLetter_ms: number | null;
  webhooks: {
    url: string;
    isOff: boolean;
    since_ms: number | null;
    nearLimitSince_ms: number | null;
  }[];
  putBack: { count: number; since_ms: number | null; sku: string | null };
  /** Orders whose command contradicts what an item has decided. */
  stuck: { count: number; since_ms: number | null };
}

/** The cron runs each minute. */
const CRON_SILENT_MS = 180_000;
/** When all is well, nothing is unsettled for longer: 30 s first due, 60 s backoff, 60 s cron. */
const BACKLOG_S = 150;
/** An endpoint that has been tried three times. */
const FAILING_MS = 600_000;

/** The worst first. */
export function alertsOf(
  { unsettled, deadLetters, breaches }: Dashboard,
  { unmatched, oldestLetter_ms, webhooks, putBack, stuck }: Troubles,
  /** Null: the reconciler did not answer. */
  health: ReconcilerHealth | null,
  now_ms: number,
  /** What is wrong with the settings of the check for new guests; null: nothing. */
  turnstileError: string | null,
): Alert[] {
  const alerts: Alert[] = [];
  const add = (code: AlertCode, since_ms: number | null, text: string, action: string) => {
    const since = since_ms === null ? null : new Date(since_ms).toISOString();
    alerts.push({ code, since, text, action });
  };
  if (health?.frozen) {
    const { reason, at_ms } = health.frozen;
    const isPutBack = reason === "database_put_back";
    const text = isPutBack
      ? "The database was put back to an earlier state, and the service is frozen."
      : "An operator has frozen the service.";
    const action = isPutBack
      ? "Recover the orders that the database has lost from their items, then thaw the service. The runbook says how."
      : "Nobody can order, pay or cancel. Thaw the service when the work is done.";
    add("frozen", at_ms, text, action);
  }
  if (putBack.count > 0) {
    const text = `${putBack.sku}${putBack.count > 1 ? ` and ${putBack.count - 1} other items` : ""} ${putBack.count > 1 ? "have" : "has"} gone back to an earlier state, or lost the storage.`;
    const action =
      "It is paused. Count its units, compare orders with their stock, repair, and then resume it.";
    add("item_put_back", putBack.since_ms, text, action);
  }
  if (stuck.count > 0) {
    const text = `${counted(stuck.count, "order waits", "orders wait")} for an item that has decided otherwise.`;
    const action =
      "Compare orders with their stock: each is listed with what its item has. It is tried again by the hour.";
    add("stuck", stuck.since_ms, text, action);
  }
  const cronAt_ms = health && (health.cronAt_ms ?? health.startedAt_ms);
  if (cronAt_ms === null || now_ms - cronAt_ms > CRON_SILENT_MS) {
    const text = health
      ? "The cron has not run for more than three minutes."
      : "The reconciler does not answer.";
    const action =
      "Payment windows, retention and repairs depend on it. Look for errors of the orders Worker in the logs, and deploy it again.";
    add("cron_silent", cronAt_ms, text, action);
  }
  if (health?.stockAwaySince_ms) {
    const action =
      "Orders are taken and wait. See whether the stock Worker is deployed and what its logs say; nothing is lost.";
    add("stock_away", health.stockAwaySince_ms, "The stock Worker does not answer.", action);
  }
  if (unsettled.oldestAgeSeconds > BACKLOG_S) {
    const text = `${counted(unsettled.count, "order or return has", "orders or returns have")} waited for the stock for up to ${unsettled.oldestAgeSeconds} s.`;
    const action =
      "If the stock Worker is away, that is why. Else compare orders with their stock, and look for dead letters.";
    add("backlog", now_ms - unsettled.oldestAgeSeconds * 1_000, text, action);
  }
  if (turnstileError !== null) {
    const action =
      "Set the secret TURNSTILE_SECRET and the var TURNSTILE_SITE_KEY of the same widget, or neither.";
    add("turnstile_misconfigured", null, `No guest can be made: ${turnstileError}.`, action);
  }
  if (breaches > 0) {
    const text = `${counted(breaches, "command has", "commands have")} contradicted what an item had decided.`;
    const action =
      "Look for invariant.breached in the logs, and compare orders with their stock before anything is shipped.";
    add("breaches", null, text, action);
  }
  if (deadLetters > 0) {
    const text = `${counted(deadLetters, "message", "messages")} could not be processed.`;
    const action = "Read their errors, mend the cause, and replay them. Nothing of them is lost.";
    add("dead_letters", oldestLetter_ms, text, action);
  }
  if (unmatched.count > 0) {
    const text = `${counted(unmatched.count, "payment belongs", "payments belong")} to no order that can take it.`;
    const action = "Refund each at your payment provider, and mark it as refunded.";
    add("money_unmatched", unmatched.since_ms, text, action);
  }
  for (const { url, isOff, since_ms, nearLimitSince_ms } of webhooks) {
    const host = new URL(url).host;
    if (isOff) {
      const text = `The webhook to ${host} has been switched off.`;
      add("webhook_off", since_ms, text, "Mend the endpoint, and switch the webhook on again.");
    } else if (since_ms !== null && now_ms - since_ms > FAILING_MS) {
      const text = `The webhook to ${host} takes no events. They wait, and none is lost.`;
      const action = "Read the answers in its deliveries, and mend the endpoint.";
      add("webhook_failing", since_ms, text, action);
    }
    if (!isOff && nearLimitSince_ms !== null) {
      const text = `The webhook to ${host} has refused events of ${NEAR_LIMIT} orders, payments or items, or more.`;
      const action = `At ${MAX_PARKED} it pauses as a whole. Read the answers in its deliveries, mend the endpoint, and send them again.`;
      add("webhook_refusing", nearLimitSince_ms, text, action);
    }
  }
  return alerts;
}

const counted = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;
