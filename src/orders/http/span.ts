import type { Context } from "hono";
import { type Order, traceOf } from "../order/order.ts";
import type { AppEnv } from "./app-env.ts";

/** Names the order in the span of this request, if the platform records one (Workers tracing). */
export function markSpan(c: Context<AppEnv>, order: Pick<Order, "id" | "history">): void {
  // Hono's type knows no tracing, and a context from before tracing has none.
  const { tracing } = c.executionCtx as Partial<Pick<ExecutionContext, "tracing">>;
  const span = tracing?.getActiveSpan();
  // Most requests are not sampled, and an attribute costs more than all else here.
  if (!span?.isTraced) return;
  span.setAttributes({ "lockstock.order_id": order.id, "lockstock.trace_id": traceOf(order) });
}
