/** Every route of the API: who may call it, and what a good call looks like. */
export interface Route {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  who: "anyone" | "customer" | "operator";
  body?: object;
  query?: readonly string[];
  /** Takes an `Idempotency-Key`. */
  hasKey?: true;
  /** Answers 503 while the stock Worker is absent. */
  needsStock?: true;
}

const PAGE = ["limit", "cursor"] as const;
/** A SKU and an order that exist; the caller replaces them. */
export const SKU = "CUP";

const order = { lines: [{ sku: SKU, quantity: 1 }] };
const item = {
  name: "A cup",
  price: { amount: 250, currency: "EUR" },
  limitPerCustomer: 2,
  saleStartsAt: "2026-01-01T00:00:00Z",
  saleEndsAt: "2036-01-01T00:00:00Z",
};

export const ROUTES: readonly Route[] = [
  { method: "GET", path: "/healthz", who: "anyone" },
  { method: "GET", path: "/openapi.json", who: "anyone" },
  { method: "GET", path: "/docs", who: "anyone" },
  { method: "POST", path: "/v1/guests", who: "anyone" },
  { method: "GET", path: "/v1/items", who: "anyone", query: PAGE },
  { method: "GET", path: "/v1/items/:sku", who: "anyone" },
  { method: "PUT", path: "/v1/items/:sku", who: "operator", body: item },
  {
    method: "POST",
    path: "/v1/items/:sku/stock",
    who: "operator",
    body: { delta: 3, reason: "delivery" },
    hasKey: true,
    needsStock: true,
  },
  { method: "GET", path: "/v1/items/:sku/stock", who: "operator", needsStock: true },
  {
    method: "GET",
    path: "/v1/items/:sku/ledger",
    who: "operator",
    query: PAGE,
    needsStock: true,
  },
  { method: "POST", path: "/v1/orders", who: "customer", body: order, hasKey: true },
  { method: "GET", path: "/v1/orders", who: "customer", query: [...PAGE, "status"] },
  { method: "GET", path: "/v1/orders/:id", who: "customer" },
  { method: "POST", path: "/v1/orders/:id/cancel", who: "customer" },
  { method: "POST", path: "/v1/orders/:id/pay", who: "operator" },
  { method: "GET", path: "/v1/feed", who: "customer", query: ["since"] },
  { method: "GET", path: "/v1/operations", who: "operator" },
  { method: "GET", path: "/v1/operations/orders", who: "operator", query: [...PAGE, "status"] },
  { method: "GET", path: "/v1/operations/orders/:id/history", who: "operator" },
  {
    method: "POST",
    path: "/v1/operations/reconcile",
    who: "operator",
    body: { repair: true, cursor: null },
    needsStock: true,
  },
  { method: "GET", path: "/v1/dead-letters", who: "operator", query: PAGE },
  { method: "POST", path: "/v1/dead-letters/:id/replay", who: "operator" },
  { method: "DELETE", path: "/v1/dead-letters/:id", who: "operator" },
];

export const nameOf = ({ method, path }: { method: string; path: string }): string =>
  `${method} ${path}`;

/** The path with its parameters filled in. */
export function pathOf(route: Route, fill: { sku: string; id: string }): string {
  return route.path.replace(":sku", fill.sku).replace(":id", fill.id);
}
