import { Random } from "../../scripts/lib/random.ts";
import type { OrderEvent, OrderLine } from "../../src/contract/order-events.ts";
import type { CallItem } from "../../src/stock/coordinator.ts";
import {
  adjust,
  type Change,
  type Counters,
  decide,
  type ItemAnswer,
  type ItemCommand,
  type Lock,
} from "../../src/stock/item/rules.ts";

/** A failing run is repeated by its seed. Each call gives a whole number from 0, below `below`. */
export function seeded(seed: number): (below: number) => number {
  const random = new Random(seed, "test");
  return (below) => random.int(0, below - 1);
}

export const orderId = (n: number): string =>
  `0198f3a0-0000-7000-8000-${n.toString(16).padStart(12, "0")}`;

const at = "2026-01-01T00:00:00.000Z";

export function event(
  type: Exclude<OrderEvent["type"], "order.returned">,
  n: number,
  lines: Record<string, number>,
  limitPerCustomer?: number,
): OrderEvent {
  const head = { version: 1, id: `${type}:${n}`, at, orderId: orderId(n) } as const;
  const limit = limitPerCustomer === undefined ? {} : { limitPerCustomer };
  const orderLines: OrderLine[] = Object.entries(lines).map(([sku, quantity]) => ({
    sku,
    quantity,
    ...limit,
  }));
  return type === "order.placed"
    ? { type, ...head, customerId: "customer", lines: orderLines }
    : { type, ...head, lines: orderLines };
}

/** The same placed order, as the successor of order `n`. */
export function successorOf(n: number, placed: OrderEvent): OrderEvent {
  const lines = placed.lines.map((line) => ({ ...line, name: line.sku, price: 100 }));
  return { ...placed, origin: { lines, currency: "EUR", successorOf: orderId(n) } } as OrderEvent;
}

export interface Entry {
  kind: NonNullable<Change["movement"]> | "receive" | "adjust" | "return" | "write_off";
  quantity: number;
  orderId: string | null;
}

/** What a ledger says the counters are. */
export function replay(ledger: readonly Entry[]): Counters {
  const c = { received: 0, available: 0, held: 0, sold: 0 };
  const moves = {
    lock: ["available", "held"],
    release: ["held", "available"],
    commit: ["held", "sold"],
    return: ["sold", "available"],
    write_off: ["sold", "received"],
  } as const;
  for (const { kind, quantity } of ledger) {
    if (kind === "receive" || kind === "adjust") {
      c.received += quantity;
      c.available += quantity;
      continue;
    }
    const [from, to] = moves[kind];
    c[from] -= quantity;
    c[to] += kind === "write_off" ? -quantity : quantity;
  }
  return c;
}

/** One item in memory, by the real rules: what the Durable Object does, without its storage. */
export class MemoryItem {
  counters: Counters = { received: 0, available: 0, held: 0, sold: 0 };
  readonly locks = new Map<string, Lock>();
  readonly ledger: Entry[] = [];
  readonly returns = new Set<string>();
  /** Commands of each call, in order. */
  readonly calls: ItemCommand[][] = [];
  #version = 0;
  readonly sku: string;

  constructor(sku: string, received: number) {
    this.sku = sku;
    this.adjust(received);
  }

  adjust(delta: number): boolean {
    const counters = adjust(this.counters, delta);
    if (!counters) return false;
    this.counters = counters;
    this.ledger.push({ kind: delta > 0 ? "receive" : "adjust", quantity: delta, orderId: null });
    return true;
  }

  apply(commands: ItemCommand[]) {
    this.calls.push(commands);
    const answers = commands.map((command) => this.#decide(command));
    this.#version += 1;
    return {
      answers,
      level: { level: this.level(), levelVersion: this.#version, breaches: 0, at },
    };
  }

  level() {
    return { sku: this.sku, ...this.counters };
  }

  unitsOf(customerId: string): number {
    let units = 0;
    for (const lock of this.locks.values()) {
      const isLive = lock.state === "held" || lock.state === "sold";
      if (isLive && lock.customerId === customerId) units += lock.quantity - lock.returned;
    }
    return units;
  }

  #decide(command: ItemCommand): ItemAnswer {
    const { answer, change } = decide(
      {
        counters: this.counters,
        isPaused: false,
        lock: this.locks.get(command.orderId),
        isForgotten: false,
        returnState:
          command.type === "return" && this.returns.has(command.returnId) ? "applied" : "new",
        customerUnits: command.type === "lock" ? this.unitsOf(command.customerId) : 0,
      },
      command,
    );
    if (!change) return answer;
    this.counters = change.counters;
    if (change.lock) this.locks.set(change.lock.orderId, change.lock);
    if (command.type === "return") {
      const { returnId, quantity, orderId: id, restock } = command;
      this.returns.add(returnId);
      this.ledger.push({ kind: restock ? "return" : "write_off", quantity, orderId: id });
    }
    if (change.movement && change.lock) {
      const { quantity, orderId: id } = change.lock;
      this.ledger.push({ kind: change.movement, quantity, orderId: id });
    }
    return answer;
  }
}

/** A shelf of items, and the call that reaches them at once and without fault. */
export function shelf(stock: Record<string, number>) {
  const items = new Map(Object.entries(stock).map(([sku, n]) => [sku, new MemoryItem(sku, n)]));
  const item = (sku: string): MemoryItem => items.get(sku)!;
  const callItem: CallItem = async (sku, commands) => item(sku).apply(commands);
  return { item, items, callItem };
}
