import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { PaymentFact, ReturnFact } from "./money.ts";
import type { Counters } from "./watch-item.ts";

/** Tells every row that is written to D1, in order, by temporary triggers. */

export interface OrderFact {
  id: string;
  customerId: string;
  status: string;
  reason: string | null;
  revision: number;
  awaits: string | null;
  dueAt_ms: number | null;
  payBy_ms: number | null;
  placedAt_ms: number;
  updatedAt_ms: number;
  lines: {
    sku: string;
    quantity: number;
    price: { amount: number };
    limitPerCustomer: number | null;
  }[];
  /** The statuses of its history. */
  history: string[];
  amountDue: number;
  currency: string;
  successorOf: string | null;
  returned: Record<string, number>;
  returnedAt_ms: number | null;
}

export type OrdersObserved =
  | { what: "order"; order: OrderFact }
  | { what: "deleted"; id: string }
  | { what: "key"; customerId: string; key: string; orderId: string }
  | { what: "letter"; id: string }
  | { what: "payment"; payment: PaymentFact }
  | { what: "return"; made: ReturnFact }
  | { what: "item"; sku: string; amount: number; paymentWindow_ms: number | null }
  | { what: "level"; sku: string; version: number; counters: Counters };

const COLUMNS = [
  "id",
  "customer_id",
  "status",
  "reason",
  "revision",
  "awaits",
  "due_at",
  "pay_by",
  "placed_at",
  "updated_at",
  "lines",
  "history",
  "amount_due",
  "total_amount",
  "currency",
  "successor_of",
  "returned",
  "returned_at",
];
const ROW = `SELECT sim_order(${COLUMNS.map((column) => `NEW.${column}`).join(", ")})`;
const KEY = "SELECT sim_key(NEW.customer_id, NEW.key, NEW.order_id)";
const PAYMENT = `SELECT sim_payment(NEW.reference, NEW.order_id, NEW.amount, NEW.currency, NEW.state,
  NEW.why, NEW.successor_id)`;
const RETURN = "SELECT sim_return(NEW.id, NEW.order_id, NEW.lines, NEW.restock, NEW.due_at)";
const ITEM = "SELECT sim_item(NEW.sku, NEW.price_amount, NEW.payment_window_ms)";
const TRIGGERS = `
  CREATE TEMP TRIGGER sim_h AFTER INSERT ON main.payments BEGIN ${PAYMENT}; END;
  CREATE TEMP TRIGGER sim_i AFTER UPDATE ON main.payments BEGIN ${PAYMENT}; END;
  CREATE TEMP TRIGGER sim_j AFTER INSERT ON main.returns BEGIN ${RETURN}; END;
  CREATE TEMP TRIGGER sim_k AFTER UPDATE ON main.returns BEGIN ${RETURN}; END;
  CREATE TEMP TRIGGER sim_l AFTER INSERT ON main.items BEGIN ${ITEM}; END;
  CREATE TEMP TRIGGER sim_m AFTER UPDATE OF price_amount, payment_window_ms ON main.items BEGIN ${ITEM}; END;
  CREATE TEMP TRIGGER sim_a AFTER INSERT ON main.orders BEGIN ${ROW}; END;
  CREATE TEMP TRIGGER sim_b AFTER UPDATE ON main.orders BEGIN ${ROW}; END;
  CREATE TEMP TRIGGER sim_c AFTER DELETE ON main.orders BEGIN SELECT sim_deleted(OLD.id); END;
  CREATE TEMP TRIGGER sim_d AFTER INSERT ON main.idempotency_keys BEGIN ${KEY}; END;
  CREATE TEMP TRIGGER sim_g AFTER UPDATE ON main.idempotency_keys BEGIN ${KEY}; END;
  CREATE TEMP TRIGGER sim_e AFTER INSERT ON main.dead_letters BEGIN SELECT sim_letter(NEW.id); END;
  CREATE TEMP TRIGGER sim_f AFTER UPDATE OF level_version ON main.items BEGIN
    SELECT sim_level(NEW.sku, NEW.level_version, NEW.received, NEW.available, NEW.held, NEW.sold); END;`;

export function watchOrders(db: DatabaseSync, tell: (fact: OrdersObserved) => void): void {
  const nothing = (fact: OrdersObserved): null => {
    tell(fact);
    return null;
  };
  const text = (value: SQLOutputValue = null) => (value === null ? null : String(value));
  const number = (value: SQLOutputValue = null) => (value === null ? null : Number(value));
  db.function("sim_order", { varargs: true }, (...row) => {
    const [
      id,
      customerId,
      status,
      reason,
      revision,
      awaits,
      dueAt,
      payBy,
      placedAt,
      updatedAt,
      lines,
      history,
      amountDue,
      totalAmount,
      currency,
      successorOf,
      returned,
      returnedAt,
    ] = row;
    const order: OrderFact = {
      id: String(id),
      customerId: String(customerId),
      status: String(status),
      reason: text(reason),
      revision: Number(revision),
      awaits: text(awaits),
      dueAt_ms: number(dueAt),
      payBy_ms: number(payBy),
      placedAt_ms: Number(placedAt),
      updatedAt_ms: Number(updatedAt),
      lines: JSON.parse(String(lines)) as OrderFact["lines"],
      history: (JSON.parse(String(history)) as { status: string }[]).map((step) => step.status),
      amountDue: Number(amountDue ?? totalAmount),
      currency: String(currency),
      successorOf: text(successorOf),
      returned: JSON.parse(text(returned) ?? "{}") as Record<string, number>,
      returnedAt_ms: number(returnedAt),
    };
    return nothing({ what: "order", order });
  });
  db.function("sim_payment", { varargs: true }, (...row) => {
    const [reference, orderId, amount, currency, state, why, successorId] = row;
    const payment: PaymentFact = {
      reference: String(reference),
      orderId: String(orderId),
      amount: Number(amount),
      currency: String(currency),
      state: String(state) as PaymentFact["state"],
      why: text(why),
      successorId: text(successorId),
    };
    return nothing({ what: "payment", payment });
  });
  db.function("sim_return", (id, orderId, lines, restock, dueAt) => {
    const made: ReturnFact = {
      id: String(id),
      orderId: String(orderId),
      lines: JSON.parse(String(lines)) as ReturnFact["lines"],
      restock: restock === 1,
      dueAt_ms: number(dueAt),
    };
    return nothing({ what: "return", made });
  });
  db.function("sim_item", (sku, amount, window_ms) => {
    const paymentWindow_ms = number(window_ms);
    return nothing({ what: "item", sku: String(sku), amount: Number(amount), paymentWindow_ms });
  });
  db.function("sim_deleted", (id) => nothing({ what: "deleted", id: String(id) }));
  db.function("sim_letter", (id) => nothing({ what: "letter", id: String(id) }));
  db.function("sim_key", (customerId, key, orderId) =>
    nothing({
      what: "key",
      customerId: String(customerId),
      key: String(key),
      orderId: String(orderId),
    }),
  );
  db.function("sim_level", (sku, version, received, available, held, sold) => {
    const counters = {
      received: Number(received),
      available: Number(available),
      held: Number(held),
      sold: Number(sold),
    };
    return nothing({ what: "level", sku: String(sku), version: Number(version), counters });
  });
  db.exec(TRIGGERS);
}
