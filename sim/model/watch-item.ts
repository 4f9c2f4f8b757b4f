import type { DatabaseSync, SQLOutputValue } from "node:sqlite";

/** Tells every row a stock item writes, in order, by temporary triggers in its own database. */

export interface Counters {
  received: number;
  available: number;
  held: number;
  sold: number;
}

export interface Lock {
  customerId: string | null;
  quantity: number;
  state: "held" | "sold" | "refused" | "released";
  shortage: { reason: string; paused?: true } | null;
  /** Of the sold units, those that came back. */
  returned: number;
}

/** In a row of several movements, one of those before the last. */
interface EarlierMovement {
  kind: string;
  quantity: number;
  order_id: string;
  available: number;
  held: number;
  sold: number;
}

export type Observed =
  | { what: "item"; counters: Counters; version: number; breaches: number; isPaused: boolean }
  | { what: "lock"; orderId: string; lock: Lock }
  | {
      what: "movement";
      kind: string;
      quantity: number;
      orderId: string | null;
      operationId: string | null;
      balance: Omit<Counters, "received">;
    };

export function watchItem(db: DatabaseSync, into: Observed[]): void {
  const n = Number;
  db.function("sim_lock", (orderId, customerId, quantity, state, shortage, returned) => {
    into.push({
      what: "lock",
      orderId: String(orderId),
      lock: {
        customerId: customerId === null ? null : String(customerId),
        quantity: n(quantity),
        state: String(state) as Lock["state"],
        shortage: shortage === null ? null : (JSON.parse(String(shortage)) as Lock["shortage"]),
        returned: n(returned),
      },
    });
    return null;
  });
  db.function(
    "sim_movement",
    (kind, quantity, orderId, operationId, available, held, sold, earlier) => {
      for (const one of JSON.parse(String(earlier ?? "[]")) as EarlierMovement[]) {
        const balance = { available: one.available, held: one.held, sold: one.sold };
        const ids = { orderId: one.order_id, operationId: null };
        into.push({ what: "movement", kind: one.kind, quantity: one.quantity, ...ids, balance });
      }
      const balance = { available: n(available), held: n(held), sold: n(sold) };
      const idOf = (id: SQLOutputValue) => (id === null ? null : String(id));
      const ids = { orderId: idOf(orderId), operationId: idOf(operationId) };
      into.push({ what: "movement", kind: String(kind), quantity: n(quantity), ...ids, balance });
      return null;
    },
  );
  db.function("sim_item", (received, available, held, sold, version, breaches, paused) => {
    const counters = {
      received: n(received),
      available: n(available),
      held: n(held),
      sold: n(sold),
    };
    const isPaused = paused === 1n || paused === 1;
    into.push({
      what: "item",
      counters,
      version: n(version),
      breaches: n(breaches),
      isPaused,
    });
    return null;
  });
  const exec = db.exec.bind(db);
  db.exec = (sql: string) => {
    exec(sql);
    // The last of what the object's constructor does; again when that turn was rolled back.
    if (sql.includes("ADD COLUMN paused")) exec(TRIGGERS);
  };
}

const LOCK =
  "SELECT sim_lock(NEW.order_id, NEW.customer_id, NEW.quantity, NEW.state, NEW.shortage, NEW.returned)";
const ITEM =
  "SELECT sim_item(NEW.received, NEW.available, NEW.held, NEW.sold, NEW.level_version, NEW.breaches, NEW.paused)";
const TRIGGERS = `
  CREATE TEMP TRIGGER sim_a AFTER INSERT ON main.locks BEGIN ${LOCK}; END;
  CREATE TEMP TRIGGER sim_b AFTER UPDATE ON main.locks BEGIN ${LOCK}; END;
  CREATE TEMP TRIGGER sim_c AFTER INSERT ON main.movements BEGIN
    SELECT sim_movement(NEW.kind, NEW.quantity, NEW.order_id, NEW.operation_id, NEW.available, NEW.held, NEW.sold, NEW.earlier); END;
  CREATE TEMP TRIGGER sim_d AFTER INSERT ON main.item BEGIN ${ITEM}; END;
  CREATE TEMP TRIGGER sim_e AFTER UPDATE ON main.item BEGIN ${ITEM}; END;`;
