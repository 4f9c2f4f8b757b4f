import { setTimeout as sleep } from "node:timers/promises";

const ATTEMPTS = 20;
const PAUSE_MS = 1_500;
const TIMEOUT_MS = 10_000;

const euro = (amount: number) => ({ amount: amount * 100, currency: "EUR" });

/** SKU, units in stock, body of the item. */
const ITEMS: [sku: string, units: number, item: object][] = [
  ["TICKET-NIGHTFALL", 500, { name: "Nightfall live, standing ticket", price: euro(69) }],
  [
    "SNEAKER-COMET-42",
    25,
    { name: "Comet runner, limited run, size 42", price: euro(189), limitPerCustomer: 1 },
  ],
  ["VINYL-TIDES", 120, { name: "Tides, 180 g vinyl record", price: euro(32) }],
  ["PRINT-HARBOUR", 10, { name: "Harbour at dawn, signed print", price: euro(120) }],
];

type Call = (method: string, path: string, body?: object, key?: string) => Promise<unknown>;

interface Request {
  method: string;
  headers: Record<string, string>;
  body: string | null;
  signal: AbortSignal;
}
type Ask = (
  url: string,
  request: Request,
) => Promise<{ ok: boolean; status: number; json(): Promise<unknown> }>;

/**
 * Puts the demo items into a catalogue that is empty, or holds only some of them since an earlier
 * start was killed meanwhile. Answers whether any was missing.
 */
export async function addDemoItems(call: Call): Promise<boolean> {
  const path = `/v1/items?limit=${ITEMS.length + 1}`;
  const { items } = (await call("GET", path)) as { items: { sku: string }[] };
  const there = new Set(items.map(({ sku }) => sku));
  const missing = ITEMS.filter(([sku]) => !there.delete(sku));
  if (there.size > 0) return false;
  for (const [sku, , item] of missing) await call("PUT", `/v1/items/${sku}`, item);
  return missing.length > 0;
}

/**
 * Receives the units of every demo item that has never had any, so that a later run completes
 * what one without the stock Worker had to leave. Throws when the stock Worker does not answer.
 */
export async function addDemoStock(call: Call): Promise<void> {
  for (const [sku, units] of ITEMS) {
    const path = `/v1/items/${sku}/stock`;
    const level = (await call("GET", path)) as { received: number } | undefined;
    if (level?.received !== 0) continue;
    await call("POST", path, { delta: units, reason: "demo stock" }, `demo-${sku}`);
  }
}

/**
 * A client that answers the body, or undefined for 404. It repeats what may pass by itself (no
 * answer, 429, 5xx), which is safe here: every call is a read, a PUT or carries a key.
 */
export function operatorClient(base: string, token: string, ask: Ask = fetch): Call {
  return async (method, path, body, key) => {
    const request = {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body && { "content-type": "application/json" }),
        ...(key && { "idempotency-key": key }),
      },
      body: body ? JSON.stringify(body) : null,
    };
    for (let attempt = 1; ; attempt++) {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await ask(base + path, { ...request, signal }).catch(() => undefined);
      if (response?.ok) return await response.json();
      if (response?.status === 404) return undefined;
      const transient = !response || response.status === 429 || response.status >= 500;
      if (!transient || attempt === ATTEMPTS) {
        throw new Error(`${method} ${path} answered ${response?.status ?? "nothing"}`);
      }
      await sleep(PAUSE_MS);
    }
  };
}
