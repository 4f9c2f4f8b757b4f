import type { Scope } from "../../../src/orders/http/scopes.ts";

/** Every route of the API: who may call it, and what a good call looks like. */
export interface Route {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  /** `customer`: any valid token. `service`: one of the scopes is needed. */
  who: "anyone" | "customer" | "service";
  /** Any of these; a service needs them for what is not its own. */
  scopes?: readonly Scope[];
  body?: object;
  query?: readonly string[];
  /** Takes an `Idempotency-Key`. */
  hasKey?: true;
  /** Its sender has to sign the body: no call here is let in. */
  isSigned?: true;
  /** Without Turnstile it is not there, or reads no body. */
  needsTurnstile?: true;
  /** Answers 503 while the stock Worker is absent. */
  needsStock?: true;
}

const PAGE = ["limit", "cursor"] as const;
/** A SKU and an order that exist; the caller replaces them. */
export const SKU = "CUP";

/** `customerId` is for services: a customer who sends it is refused. */
const order = {
  lines: [{ sku: SKU, quantity: 1 }],
  customerId: "alice",
  amountDue: 300,
  metadata: {},
  expect: { amount: 250, currency: "EUR" },
};
const item = {
  name: "A cup",
  price: { amount: 250, currency: "EUR" },
  limitPerCustomer: 2,
  paymentWindowSeconds: 600,
  saleStartsAt: "2026-01-01T00:00:00Z",
  saleEndsAt: "2036-01-01T00:00:00Z",
  status: "listed",
};

export const ROUTES: readonly Route[] = [
  { method: "GET", path: "/healthz", who: "anyone" },
  { method: "GET", path: "/openapi.json", who: "anyone" },
  { method: "GET", path: "/docs", who: "anyone" },
  { method: "GET", path: "/v1/config", who: "anyone" },
  { method: "GET", path: "/challenge", who: "anyone", needsTurnstile: true },
  {
    method: "POST",
    path: "/v1/guests",
    who: "anyone",
    body: { turnstileToken: "a good token" },
    needsTurnstile: true,
  },
  { method: "GET", path: "/v1/items", who: "anyone", query: [...PAGE, "sku"] },
  { method: "GET", path: "/v1/items/:sku", who: "anyone" },
  {
    method: "PUT",
    path: "/v1/items/:sku",
    who: "service",
    scopes: ["catalogue:write"],
    body: item,
  },
  {
    method: "PATCH",
    path: "/v1/items/:sku",
    who: "service",
    scopes: ["catalogue:write"],
    body: item,
  },
  { method: "DELETE", path: "/v1/items/:sku", who: "service", scopes: ["catalogue:write"] },
  {
    method: "POST",
    path: "/v1/items/:sku/stock",
    who: "service",
    scopes: ["stock:write"],
    body: { delta: 3, unsold: 3, expected: 3, reason: "delivery" },
    hasKey: true,
    needsStock: true,
  },
  {
    method: "POST",
    path: "/v1/items/bulk",
    who: "service",
    scopes: ["catalogue:write"],
    body: {
      items: [
        {
          sku: "BULK",
          name: "Item",
          price: { amount: 100, currency: "EUR" },
          limitPerCustomer: 2,
          paymentWindowSeconds: 600,
          saleStartsAt: "2026-12-01T18:00:00Z",
          saleEndsAt: "2026-12-02T18:00:00Z",
          status: "listed",
        },
      ],
    },
  },
  {
    method: "POST",
    path: "/v1/stock/bulk",
    who: "service",
    scopes: ["stock:write"],
    body: { changes: [{ sku: "BULK", delta: 3, unsold: 3, expected: 3, reason: "delivery" }] },
    hasKey: true,
    needsStock: true,
  },
  {
    method: "GET",
    path: "/v1/items/:sku/stock",
    who: "service",
    scopes: ["stock:write", "operations:read"],
    needsStock: true,
  },
  {
    method: "POST",
    path: "/v1/items/:sku/pause",
    who: "service",
    scopes: ["stock:write"],
    needsStock: true,
  },
  {
    method: "POST",
    path: "/v1/items/:sku/resume",
    who: "service",
    scopes: ["stock:write"],
    needsStock: true,
  },
  {
    method: "GET",
    path: "/v1/items/:sku/ledger",
    who: "service",
    scopes: ["stock:write", "operations:read"],
    query: PAGE,
    needsStock: true,
  },
  {
    method: "GET",
    path: "/v1/items/:sku/demand",
    who: "service",
    scopes: ["stock:write", "operations:read"],
    needsStock: true,
  },
  {
    method: "POST",
    path: "/v1/orders",
    who: "customer",
    scopes: ["orders:create"],
    body: order,
    hasKey: true,
  },
  { method: "GET", path: "/v1/orders", who: "customer", query: [...PAGE, "status"] },
  { method: "GET", path: "/v1/orders/:id", who: "customer", scopes: ["orders:read"] },
  { method: "POST", path: "/v1/orders/:id/cancel", who: "customer", scopes: ["orders:cancel"] },
  { method: "POST", path: "/v1/orders/:id/pay", who: "service", scopes: ["orders:pay"] },
  {
    method: "POST",
    path: "/v1/orders/:id/extend",
    who: "service",
    scopes: ["orders:pay"],
    body: { seconds: 60 },
  },
  {
    method: "POST",
    path: "/v1/orders/:id/returns",
    who: "service",
    scopes: ["orders:pay"],
    body: { lines: [{ sku: SKU, quantity: 1 }], restock: true, reason: "too small" },
    hasKey: true,
  },
  {
    method: "GET",
    path: "/v1/orders/:id/returns",
    who: "service",
    scopes: ["orders:pay", "orders:read"],
  },
  {
    method: "POST",
    path: "/v1/payments",
    who: "service",
    scopes: ["orders:pay"],
    body: { reference: "pi_1", orderId: "order", amount: 250, currency: "EUR" },
  },
  {
    method: "GET",
    path: "/v1/payments",
    who: "service",
    scopes: ["orders:pay", "operations:read"],
    query: [...PAGE, "state", "orderId"],
  },
  {
    method: "POST",
    path: "/v1/payments/:reference/refunded",
    who: "service",
    scopes: ["orders:pay"],
  },
  {
    method: "POST",
    path: "/v1/payments/stripe",
    who: "anyone",
    body: { type: "payment_intent.succeeded" },
    isSigned: true,
  },
  {
    method: "DELETE",
    path: "/v1/customers/:id",
    who: "service",
    scopes: ["operations:write"],
    needsStock: true,
  },
  {
    method: "GET",
    path: "/v1/operations/items",
    who: "service",
    scopes: ["operations:read"],
    query: [...PAGE, "q", "status", "sort", "onSale"],
  },
  {
    method: "GET",
    path: "/v1/changes",
    who: "service",
    scopes: ["operations:read"],
    query: ["after", "limit"],
  },
  {
    method: "POST",
    path: "/v1/webhooks",
    who: "service",
    scopes: ["webhooks:write"],
    body: { url: "https://shop.example/hook", types: ["order.paid"] },
  },
  {
    method: "GET",
    path: "/v1/webhooks",
    who: "service",
    scopes: ["webhooks:write", "operations:read"],
  },
  {
    method: "GET",
    path: "/v1/webhooks/:id",
    who: "service",
    scopes: ["webhooks:write", "operations:read"],
  },
  {
    method: "PATCH",
    path: "/v1/webhooks/:id",
    who: "service",
    scopes: ["webhooks:write"],
    body: { url: "https://shop.example/hook", types: ["order.paid"], state: "on" },
  },
  { method: "DELETE", path: "/v1/webhooks/:id", who: "service", scopes: ["webhooks:write"] },
  { method: "POST", path: "/v1/webhooks/:id/rotate", who: "service", scopes: ["webhooks:write"] },
  { method: "POST", path: "/v1/webhooks/:id/test", who: "service", scopes: ["webhooks:write"] },
  {
    method: "GET",
    path: "/v1/webhooks/:id/deliveries",
    who: "service",
    scopes: ["webhooks:write", "operations:read"],
    query: [...PAGE, "state"],
  },
  {
    method: "POST",
    path: "/v1/webhooks/:id/deliveries/:eventId/resend",
    who: "service",
    scopes: ["webhooks:write"],
  },
  { method: "GET", path: "/v1/feed", who: "customer", query: ["since"] },
  { method: "POST", path: "/v1/feed/tickets", who: "customer" },
  { method: "GET", path: "/v1/operations", who: "service", scopes: ["operations:read"] },
  { method: "GET", path: "/metrics", who: "service", scopes: ["operations:read"] },
  {
    method: "GET",
    path: "/v1/operations/orders",
    who: "service",
    scopes: ["operations:read"],
    query: [...PAGE, "status", "customerId", "sku", "placedFrom", "placedTo", "q"],
  },
  {
    method: "GET",
    path: "/v1/operations/orders/export",
    who: "service",
    scopes: ["operations:read"],
    query: ["from", "to", "after"],
  },
  {
    method: "GET",
    path: "/v1/operations/items/export",
    who: "service",
    scopes: ["operations:read"],
    query: ["after"],
  },
  {
    method: "GET",
    path: "/v1/operations/orders/:id/history",
    who: "service",
    scopes: ["operations:read"],
  },
  {
    method: "POST",
    path: "/v1/operations/reconcile",
    who: "service",
    scopes: ["operations:write"],
    body: { repair: true, cursor: null },
    needsStock: true,
  },
  { method: "POST", path: "/v1/operations/freeze", who: "service", scopes: ["operations:write"] },
  {
    method: "POST",
    path: "/v1/operations/thaw",
    who: "service",
    scopes: ["operations:write"],
    body: { force: true },
  },
  {
    method: "POST",
    path: "/v1/operations/recover",
    who: "service",
    scopes: ["operations:write"],
    body: { apply: false, force: true, cursor: null },
  },
  {
    method: "POST",
    path: "/v1/operations/orphans",
    who: "service",
    scopes: ["operations:write"],
    body: { sku: SKU, orderId: "01890000-0000-7000-8000-000000000000", action: "release" },
    needsStock: true,
  },
  {
    method: "GET",
    path: "/v1/dead-letters",
    who: "service",
    scopes: ["operations:read"],
    query: PAGE,
  },
  {
    method: "POST",
    path: "/v1/dead-letters/:id/replay",
    who: "service",
    scopes: ["operations:write"],
  },
  { method: "DELETE", path: "/v1/dead-letters/:id", who: "service", scopes: ["operations:write"] },
];

export const nameOf = ({ method, path }: { method: string; path: string }): string =>
  `${method} ${path}`;

/** The path with its parameters filled in. */
export function pathOf(route: Route, fill: { sku: string; id: string }): string {
  // Not the item itself: archived, it would be gone from all other calls.
  const sku = route.method === "DELETE" ? `${fill.sku}-GONE` : fill.sku;
  return route.path.replace(":sku", sku).replace(":id", fill.id);
}
