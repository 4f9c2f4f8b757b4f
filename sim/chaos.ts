import type { Random } from "../scripts/lib/random.ts";
import type { Fault } from "./kernel/faults.ts";
import type { SimObject } from "./platform/objects.ts";
import type { System } from "./system.ts";

/** Faults that strike by themselves: crashes, evictions, absences, broken sockets, bad messages. */

const ABSENT_MS = [500, 5_000, 40_000] as const;

export class Chaos {
  readonly #system: System;
  readonly #random: Random;
  /** How many events a bad message packs. */
  readonly #sizes: Random;

  constructor(system: System) {
    this.#system = system;
    this.#random = system.kernel.random("chaos");
    this.#sizes = system.kernel.random("poison sizes");
  }

  start(): void {
    this.#repeat("isolate crash", () => this.#crashIsolate());
    this.#repeat("object reset", () => this.#onObject((object) => object.reset("reset")));
    this.#repeat("object eviction", () => this.#onObject((object) => object.evict()));
    this.#repeat("stock absent", () => this.#stockAway());
    this.#repeat("item unreachable", () => this.#itemAway());
    this.#inTheRush();
    this.#repeat("socket drop", () => this.#dropSocket());
    this.#repeat("poison message", () => this.#poison(false));
    this.#repeat("unknown version", () => this.#poison(true));
  }

  #repeat(kind: Fault, strike: () => void): void {
    const { kernel } = this.#system;
    const wait_ms = kernel.faults.next_ms(kind);
    if (wait_ms === null) return;
    kernel.after(wait_ms, "", () => {
      if (!kernel.faults.isActive) return;
      if (kernel.faults.strikeNow(kind, "")) strike();
      this.#repeat(kind, strike);
    });
  }

  /** The first rush makes packed messages: of some of these, one item does not answer. */
  #inTheRush(): void {
    const { kernel } = this.#system;
    if (!kernel.faults.has("item unreachable") || this.#random.chance(0.4)) return;
    kernel.after(this.#random.between(0, 20), "", () => {
      if (kernel.faults.strikeNow("item unreachable", "in the rush")) this.#itemAway();
    });
  }

  #crashIsolate(): void {
    const { http, consumer, stock, classes } = this.#system;
    const isolate = this.#random.pick([http, consumer, stock]);
    isolate.crash("crash");
    // Objects may live in the same process, and go down with it.
    if (!this.#random.chance(0.3)) return;
    const own =
      isolate === stock ? [classes.ITEM] : [classes.DESK, classes.RECONCILER, classes.FEED];
    for (const object of own.flatMap(({ all }) => all)) object.reset("crash of its process");
  }

  #onObject(effect: (object: SimObject) => void): void {
    const running = Object.values(this.#system.classes).flatMap(({ all }) =>
      all.filter((object) => object.isRunning),
    );
    if (running.length > 0) effect(this.#random.pick(running));
  }

  #stockAway(): void {
    const { stock, kernel } = this.#system;
    if (this.#system.isStockAbsent) return;
    this.#system.isStockAbsent = true;
    stock.crash("taken away");
    kernel.after(this.#away_ms(), "the stock Worker is back", () => this.#system.stockReturns());
  }

  #itemAway(): void {
    const { classes, unreachable, kernel } = this.#system;
    const { all } = classes.ITEM;
    if (all.length === 0) return;
    const object = this.#random.pick(all);
    const sku = object.name.slice("StockItem ".length);
    object.reset("its host is gone");
    unreachable.add(sku);
    kernel.after(this.#away_ms(), `${sku} is back`, () => unreachable.delete(sku));
  }

  #away_ms(): number {
    const { kernel } = this.#system;
    return Math.min(
      this.#random.between(0, this.#random.pick(ABSENT_MS)),
      Math.max(0, kernel.heal_ms - kernel.now_ms),
    );
  }

  #dropSocket(): void {
    const { sockets } = this.#system;
    if (sockets.length === 0) return;
    const { feed, socket } = this.#random.pick(sockets);
    feed.cutSocket(socket);
  }

  /** What no consumer can decode, alone or packed with something else. */
  #poison(isVersion: boolean): void {
    const { orderEvents, stockEvents } = this.#system;
    const queue = this.#random.pick([orderEvents, stockEvents]);
    const at = new Date(Math.floor(this.#system.kernel.now_ms)).toISOString();
    const id = `poison-${this.#random.int(0, 1e9)}`;
    const orderId = [...this.#system.orders.orders.keys()].at(-1) ?? "none";
    const bad = isVersion
      ? { type: this.#random.pick(["order.placed", "stock.locked"]), version: 2, id, at, orderId }
      : this.#random.pick<object>([
          { type: "order.placed", version: 1, id, at, orderId, isPoison: true },
          { type: "stock.refused", version: 1, id, at, orderId, shortages: "none", isPoison: true },
          { type: "nothing.known", version: 1, id, at, isPoison: true },
          { isPoison: true },
        ]);
    const count = this.#sizes.pick([2, 2, 2, 40]);
    const events = Array.from({ length: count }, (_, i) => ({ ...bad, id: `${id}-${i}` }));
    const body = this.#random.chance(0.5)
      ? bad
      : { type: "batch", version: 1, id, at, attempts: 0, events };
    queue.put(JSON.stringify(body), 0);
  }
}
