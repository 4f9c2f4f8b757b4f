import type { Actor } from "../../contract/actor.ts";
import type { LedgerPage, Movement } from "../../contract/stock-api.ts";
import type { Counters } from "./rules.ts";
import type { EarlierMovement, MovementRow } from "./schema.ts";

/** A movement of an order's units, with the item's counters after it. */
export interface OrderMovement {
  kind: "lock" | "release" | "commit";
  quantity: number;
  orderId: string;
  balance: Counters;
}

/** A movement that somebody asked for: an adjustment, or the return of an order. Has its own row. */
export interface RequestedMovement {
  kind: "receive" | "adjust" | "return" | "write_off";
  quantity: number;
  orderId: string | null;
  operationId: string;
  reason: string;
  actor: Actor | null;
  balance: Counters;
}

/**
 * Movements in one row. Their JSON takes some 60 KB, below the 2 MB of a row (Durable Objects
 * limits). Reading a page parses whole rows.
 */
const MAX_MOVEMENTS_PER_ROW = 500;
/** Few, because each row may be that large. */
const ROWS_PER_READ = 20;

/** The item's append-only table `movements`, with one row for all movements of a call. */
export class Ledger {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Appends the movements of one call in order. A row costs the same with one movement or many. */
  append(movements: readonly (OrderMovement | RequestedMovement)[], at_ms: number): void {
    let packed: OrderMovement[] = [];
    for (const movement of movements) {
      if (!("operationId" in movement)) packed.push(movement);
      if ("operationId" in movement || packed.length === MAX_MOVEMENTS_PER_ROW) {
        this.#appendPacked(packed, at_ms);
        packed = [];
      }
      if ("operationId" in movement) this.#appendRequested(movement, at_ms);
    }
    this.#appendPacked(packed, at_ms);
  }

  #appendPacked(movements: readonly OrderMovement[], at_ms: number): void {
    const earlier = movements.map(fieldsOf);
    const last = earlier.pop();
    if (!last) return;
    this.#insert({ ...last, operation_id: null, reason: null, actor: null, at: at_ms }, earlier);
  }

  #appendRequested(movement: RequestedMovement, at_ms: number): void {
    const { operationId: operation_id, reason } = movement;
    const actor = movement.actor && JSON.stringify(movement.actor);
    this.#insert({ ...fieldsOf(movement), operation_id, reason, actor, at: at_ms }, []);
  }

  #insert(row: Omit<MovementRow, "seq" | "earlier">, earlier: readonly EarlierMovement[]): void {
    this.#sql.exec(
      `INSERT INTO movements (seq, kind, quantity, order_id, operation_id, reason, actor, at,
         available, held, sold, earlier)
       VALUES ((SELECT coalesce(max(seq), 0) FROM movements) + ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      earlier.length + 1,
      row.kind,
      row.quantity,
      row.order_id,
      row.operation_id,
      row.reason,
      row.actor,
      row.at,
      row.available,
      row.held,
      row.sold,
      earlier.length === 0 ? null : JSON.stringify(earlier),
    );
  }

  /** Who asked for an adjustment; null: nobody known. Without an index: reads the whole table. */
  actorOf(operationId: string): Actor | null {
    const [row] = this.#sql
      .exec<Pick<MovementRow, "actor">>(
        "SELECT actor FROM movements WHERE operation_id = ? ORDER BY seq LIMIT 1",
        operationId,
      )
      .toArray();
    return row?.actor ? (JSON.parse(row.actor) as Actor) : null;
  }

  /** Movements before the number `before`, newest first. */
  page({ before, limit }: { before: number | null; limit: number }): LedgerPage {
    const end = before ?? Number.MAX_SAFE_INTEGER;
    // `end` may lie within a row. A row's `seq` is the number of its last movement.
    const [holder] = this.#sql.exec<{ seq: number | null }>(
      "SELECT min(seq) AS seq FROM movements WHERE seq >= ?",
      end,
    );
    let below = (holder?.seq ?? end) + 1;
    const movements: Movement[] = [];
    let rows: MovementRow[];
    do {
      rows = this.#rowsBelow(below);
      movements.push(...rows.flatMap(movementsOf).filter(({ seq }) => seq < end));
      below = rows.at(-1)?.seq ?? 0;
      // Reads one movement more than asked for, which shows that there is a further page.
    } while (rows.length === ROWS_PER_READ && movements.length <= limit);
    const page = movements.slice(0, limit);
    return { movements: page, next: movements.length > limit ? (page.at(-1)?.seq ?? null) : null };
  }

  /** Newest first. Reads to the end: a SELECT that is read only in part stays open. */
  #rowsBelow(seq: number): MovementRow[] {
    return this.#sql
      .exec<MovementRow>(
        `SELECT * FROM movements WHERE seq < ? ORDER BY seq DESC LIMIT ${ROWS_PER_READ}`,
        seq,
      )
      .toArray();
  }

  /**
   * Folds up to `limit` rows older than `cutoff_ms` into one opening balance. Returns whether more
   * may remain.
   */
  prune(cutoff_ms: number, limit: number): boolean {
    const [last] = this.#sql.exec<{ seq: number | null; count: number }>(
      `SELECT max(seq) AS seq, count(*) AS count FROM
         (SELECT seq, at FROM movements ORDER BY seq LIMIT ?) WHERE at < ?`,
      limit,
      cutoff_ms,
    );
    if (!last?.seq) return false;
    this.#sql.exec("DELETE FROM movements WHERE seq < ?", last.seq);
    this.#sql.exec(
      `UPDATE movements SET kind = 'opening', quantity = available + held + sold,
         order_id = NULL, operation_id = NULL, reason = NULL, actor = NULL, earlier = NULL
       WHERE seq = ? AND kind <> 'opening'`,
      last.seq,
    );
    return last.count === limit;
  }
}

function fieldsOf({
  kind,
  quantity,
  orderId,
  balance: { available, held, sold },
}: Pick<
  OrderMovement | RequestedMovement,
  "kind" | "quantity" | "orderId" | "balance"
>): EarlierMovement {
  return { kind, quantity, order_id: orderId, available, held, sold };
}

/**
 * The movements of a row, newest first. Ignores `earlier` in an opening balance, where those
 * movements are folded already: a version before that column, run again after a rollback, leaves it.
 */
function movementsOf(row: MovementRow): Movement[] {
  const packed = row.kind === "opening" ? null : row.earlier;
  const earlier = packed === null ? [] : (JSON.parse(packed) as EarlierMovement[]);
  const all = [
    ...earlier.map((one) => ({ ...one, operation_id: null, reason: null, actor: null })),
    row,
  ];
  return all.toReversed().map(({ available, held, sold, ...one }, i) => ({
    seq: row.seq - i,
    kind: one.kind,
    quantity: one.quantity,
    orderId: one.order_id,
    operationId: one.operation_id,
    reason: one.reason,
    actor: one.actor === null ? null : (JSON.parse(one.actor) as Actor),
    at: new Date(row.at).toISOString(),
    balance: { received: available + held + sold, available, held, sold },
  }));
}
