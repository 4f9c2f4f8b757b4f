import type { Context } from "hono";
import { expect, test, vi } from "vitest";
import type { AppEnv } from "../../src/orders/http/app-env.ts";
import { markSpan } from "../../src/orders/http/span.ts";

const ORDER = { id: "0199a7c2-4b1d-7000-8000-000000000001", history: [] };

function contextWith(span: object | undefined) {
  const executionCtx = { tracing: { getActiveSpan: () => span } };
  return { executionCtx } as unknown as Context<AppEnv>;
}

test("a span that is recorded names its order and the order's trace", () => {
  const setAttributes = vi.fn<(attributes: object) => void>();
  markSpan(contextWith({ isTraced: true, setAttributes }), ORDER);
  expect(setAttributes).toHaveBeenCalledWith({
    "lockstock.order_id": ORDER.id,
    "lockstock.trace_id": ORDER.id.replaceAll("-", ""),
  });
});

test("a span that is not recorded costs nothing, and a context without tracing is no error", () => {
  const setAttributes = vi.fn<(attributes: object) => void>();
  markSpan(contextWith({ isTraced: false, setAttributes }), ORDER);
  markSpan(contextWith(undefined), ORDER);
  markSpan({ executionCtx: {} } as unknown as Context<AppEnv>, ORDER);
  expect(setAttributes).not.toHaveBeenCalled();
});
