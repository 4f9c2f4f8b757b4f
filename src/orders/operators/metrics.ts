import type { OrderSums } from "../order/minutes.sql.ts";
import { LATENCY_BOUNDS_MS } from "../order/minutes.sql.ts";
import type { Alert, Troubles } from "./alerts.ts";
import type { Dashboard } from "./dashboard.sql.ts";

/** The figures of GET /metrics in the text format of Prometheus, version 0.0.4. No I/O. */

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What a queue says of itself; null: it did not answer. */
export interface Backlog {
  queue: string;
  messages: number;
  bytes: number;
}

type Sample = readonly [labels: Record<string, string>, value: number];

export interface Figures {
  dashboard: Dashboard;
  sums: OrderSums;
  troubles: Troubles;
  alerts: readonly Alert[];
  backlogs: readonly Backlog[];
  version: string;
  now_ms: number;
}

export function metricsText(figures: Figures): string {
  const { dashboard, sums, troubles, alerts, backlogs, version, now_ms } = figures;
  const behind = troubles.webhooks.map(({ isOff, since_ms }) =>
    isOff || since_ms === null ? 0 : Math.max(0, now_ms - since_ms) / 1000,
  );
  const off = troubles.webhooks.filter(({ isOff }) => isOff).length;
  return [
    metric("lockstock_info", "gauge", "The version of the orders Worker.", [[{ version }, 1]]),
    metric(
      "lockstock_order_steps_total",
      "counter",
      "Orders that have ever come to this step; placed: those that have left it.",
      Object.entries(sums.steps).map(([step, n]) => [{ step }, n]),
    ),
    metric(
      "lockstock_orders",
      "gauge",
      "Orders by their present status; pending stops at 10000.",
      Object.entries(dashboard.orders).map(([status, n]) => [{ status }, n]),
    ),
    histogram(sums.latencies),
    gauge(
      "lockstock_unsettled",
      "Orders and returns that await their stock.",
      dashboard.unsettled.count,
    ),
    gauge(
      "lockstock_unsettled_oldest_age_seconds",
      "Since when the oldest of them waits; 0: none.",
      dashboard.unsettled.oldestAgeSeconds,
    ),
    gauge("lockstock_dead_letters", "Messages that were put aside.", dashboard.deadLetters),
    metric(
      "lockstock_breaches_total",
      "counter",
      "Commands that contradicted what an item had decided.",
      [[{}, dashboard.breaches]],
    ),
    gauge("lockstock_payments_unmatched", "Payments to refund.", troubles.unmatched.count),
    gauge("lockstock_webhooks_off", "Webhooks that were switched off by a failure.", off),
    gauge(
      "lockstock_webhooks_behind_seconds",
      "For how long the endpoint that fails longest has taken no event; 0: none fails.",
      Math.max(0, ...behind),
    ),
    metric(
      "lockstock_queue_backlog_messages",
      "gauge",
      "Messages that wait, as the platform says; absent: it did not say.",
      backlogs.map(({ queue, messages }) => [{ queue }, messages]),
    ),
    metric(
      "lockstock_queue_backlog_bytes",
      "gauge",
      "Their bytes.",
      backlogs.map(({ queue, bytes }) => [{ queue }, bytes]),
    ),
    metric(
      "lockstock_alerts",
      "gauge",
      "Alerts of GET /v1/operations by code.",
      Object.entries(countBy(alerts)).map(([code, n]) => [{ code }, n]),
    ),
  ].join("");
}

const gauge = (name: string, help: string, value: number): string =>
  metric(name, "gauge", help, [[{}, value]]);

function metric(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => `${name}${labelled(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** Without `_sum`: the table keeps counts by bucket alone. */
function histogram(latencies: readonly number[]): string {
  const name = "lockstock_order_outcome_seconds";
  let below = 0;
  const buckets = latencies.map((n, i): Sample => {
    const bound = LATENCY_BOUNDS_MS[i];
    below += n;
    return [{ le: bound === undefined ? "+Inf" : String(bound / 1000) }, below];
  });
  const help = "From placing to the decision of stock.";
  const lines = buckets.map(([labels, value]) => `${name}_bucket${labelled(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${lines.join("")}${name}_count ${below}\n`;
}

function labelled(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([key, value]) => {
    const escaped = value.replace(/[\\"]/g, String.raw`\$&`).replaceAll("\n", String.raw`\n`);
    return `${key}="${escaped}"`;
  });
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

function countBy(alerts: readonly Alert[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of alerts) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
