/** Puts orders into D1 and their locks into one item, as if they had been placed and decided. */

/** Rows of one statement: some seconds of work. */
const STEP = 50_000;
/** Customers the orders are spread over. */
export const CUSTOMERS = 1_000;
const AGE_MS = 86_400_000;

/** Order ids of version 7, a millisecond apart from a day ago on: `?` is the number. */
const idOf = (base_ms: number): string => {
  const time = `printf('%012x', ${base_ms} + n.i / 16)`;
  return `substr(${time}, 1, 8) || '-' || substr(${time}, 9, 4) ||
    printf('-7%03x-8%03x-%012x', n.i % 16, n.i % 4096, n.i)`;
};

const numbers = (from: number, to: number): string =>
  `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${to})`;

interface Fill {
  orders: number;
  locks: number;
  /** The item of all orders. */
  sku: string;
}

export interface Tables {
  d1: (sql: string) => Promise<unknown>;
  item: (sql: string) => Promise<unknown>;
}

/** Every `orders / locks`-th order is confirmed and has its lock; the others were sold out. */
export async function fill(tables: Tables, { orders, locks, sku }: Fill): Promise<void> {
  const base_ms = Date.now() - AGE_MS;
  const every = Math.max(1, Math.floor(orders / locks));
  for (let from = 0; from < orders; from += STEP) {
    const to = Math.min(orders, from + STEP);
    await tables.d1(ordersSql(base_ms, every, sku, from, to));
    await tables.d1(keysSql(base_ms, from, to));
  }
  for (let from = 0; from < locks; from += STEP) {
    const to = Math.min(locks, from + STEP);
    for (const sql of lockSqls(base_ms, every, from, to)) await tables.item(sql);
  }
  const more = `received = received + ${locks}, held = held + ${locks}`;
  await tables.item(`UPDATE item SET ${more}, level_version = level_version + 1`);
}

function ordersSql(base_ms: number, every: number, sku: string, from: number, to: number): string {
  const price = `{"amount":1000,"currency":"EUR"}`;
  const lines = `[{"sku":"${sku}","name":"${sku}","quantity":1,"price":${price},"limitPerCustomer":null}]`;
  const isLocked = `n.i % ${every} = 0`;
  return `${numbers(from, to)}
    INSERT INTO orders (id, customer_id, status, reason, lines, total_amount, currency, revision,
      placed_at, updated_at, history)
    SELECT ${idOf(base_ms)}, 'filled-' || (n.i % ${CUSTOMERS}),
      CASE WHEN ${isLocked} THEN 'confirmed' ELSE 'cancelled' END,
      CASE WHEN ${isLocked} THEN NULL ELSE 'out_of_stock' END,
      '${lines}', 1000, 'EUR', 2, ${base_ms} + n.i / 16, ${base_ms} + n.i / 16, '[]'
    FROM n`;
}

const keysSql = (base_ms: number, from: number, to: number): string => `${numbers(from, to)}
  INSERT INTO idempotency_keys (customer_id, key, order_id, created_at)
  SELECT 'filled-' || (n.i % ${CUSTOMERS}), 'key-' || n.i, ${idOf(base_ms)}, ${base_ms} FROM n`;

function lockSqls(base_ms: number, every: number, from: number, to: number): string[] {
  const orders = `(SELECT i * ${every} AS i FROM n) AS n`;
  return [
    `${numbers(from, to)} INSERT INTO locks (order_id, customer_id, quantity, state)
     SELECT ${idOf(base_ms)}, 'filled-' || (n.i % ${CUSTOMERS}), 1, 'held' FROM ${orders}`,
    `${numbers(from, to)}
     INSERT INTO movements (kind, quantity, order_id, at, available, held, sold)
     SELECT 'lock', 1, ${idOf(base_ms)}, ${base_ms} + n.i, 0, 0, 0 FROM ${orders}`,
  ];
}
