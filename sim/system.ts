import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Code, Unit } from "./kernel/code.ts";
import { type WorldGlobals, worldGlobals } from "./kernel/globals.ts";
import { Kernel, type KernelOptions } from "./kernel/kernel.ts";
import type { Vat } from "./kernel/vat.ts";
import { ItemsModel } from "./model/items.ts";
import { MessagesModel } from "./model/messages.ts";
import { OrdersModel } from "./model/orders.ts";
import { Report } from "./model/report.ts";
import { Shown } from "./model/shown.ts";
import { Waiters } from "./model/waiters.ts";
import { type OrdersObserved, watchOrders } from "./model/watch-orders.ts";
import { SimD1 } from "./platform/d1.ts";
import { SimLimiter } from "./platform/limiter.ts";
import { ObjectClass } from "./platform/objects.ts";
import { SimQueue } from "./platform/queues.ts";
import { stubOf } from "./platform/rpc.ts";
import { Configuration, rateSettings } from "./platform/settings.ts";
import { Engine } from "./platform/sqlite.ts";
import type { SimSocket } from "./platform/sockets.ts";
import { context, Isolate } from "./platform/worker.ts";
import { IDENTITY } from "./workload/tokens.ts";

/** Both Workers, wired as their configurations say, on one simulated platform. */

const MIGRATIONS = join(import.meta.dirname, "../migrations");
const schema = readdirSync(MIGRATIONS)
  .sort()
  .map((file) => readFileSync(join(MIGRATIONS, file), "utf8"))
  .join("\n");
const LIMITS = rateSettings();

interface Database {
  engine: Engine;
  watcher: (fact: OrdersObserved) => void;
}

/** Databases of runs that are over, emptied: their statements stay prepared. */
const idle: Database[] = [];

function openDatabase(): Database {
  const database: Database = { engine: new Engine(), watcher: () => undefined };
  database.engine.db.exec(schema);
  watchOrders(database.engine.db, (fact) => database.watcher(fact));
  return database;
}

export class System {
  readonly kernel: Kernel;
  readonly report: Report;
  readonly orders: OrdersModel;
  readonly items: ItemsModel;
  readonly messages: MessagesModel;
  readonly shown: Shown;
  readonly waiters: Waiters;
  readonly d1: SimD1;
  readonly queues = new Map<string, SimQueue>();
  /** By the name of their binding. */
  readonly limiters: ReadonlyMap<string, SimLimiter>;
  readonly classes: Record<"DESK" | "RECONCILER" | "FEED" | "ITEM", ObjectClass>;
  /** Requests are served by one isolate, queues and the cron by another, as the platform may do. */
  readonly http: Isolate;
  readonly consumer: Isolate;
  readonly stock: Isolate;
  readonly vars: Record<string, string>;
  /** Half of the runs have other queue names, as an environment would: nothing may read them. */
  readonly #configuration: Configuration;
  isStockAbsent = false;
  /** It takes calls over the lane and answers none. */
  isStockHanging = false;
  /** Days go by, whose minutes would be too many. */
  isCronOff = false;
  /** Nothing goes wrong in this run. */
  isQuiet: boolean;
  readonly unreachable = new Set<string>();
  readonly #world: WorldGlobals;
  readonly #code: Code;
  readonly #database: Database;

  constructor(code: Code, options: KernelOptions, vars: Record<string, string>) {
    const kernel = (this.kernel = new Kernel(options));
    this.#code = code;
    this.#world = worldGlobals(kernel);
    const suffix = kernel.random("queue names").chance(0.5) ? "-staging" : "";
    this.#configuration = new Configuration(suffix);
    this.vars = { ...this.#configuration.vars("orders"), ...vars };
    this.isQuiet = kernel.faults.isQuiet;
    const now = () => kernel.now_ms;
    this.report = new Report(kernel);
    this.items = new ItemsModel(this.report, now);
    this.orders = new OrdersModel(this.report, now, {
      paymentWindow_ms: Number(this.vars.PAYMENT_WINDOW_SECONDS) * 1_000,
      lockDeadline_ms: Number(this.vars.LOCK_DEADLINE_SECONDS) * 1_000,
      orderRetention_ms: Number(this.vars.FINISHED_ORDER_RETENTION_DAYS) * 86_400_000,
    });
    this.items.orders = this.orders;
    this.orders.items = this.items;
    this.messages = new MessagesModel(this.report, now, this);
    this.shown = new Shown(this.report, this.orders);
    this.waiters = new Waiters(this.report, now);
    const database = (this.#database = idle.pop() ?? openDatabase());
    database.watcher = (fact) => this.orders.observe(fact);
    this.d1 = new SimD1(database.engine, this.orders);
    this.limiters = new Map(LIMITS.map((one) => [one.name, new SimLimiter(kernel, one)]));
    this.classes = {
      DESK: this.#class("OrderDesk", "desk"),
      RECONCILER: this.#class("Reconciler", "reconciler"),
      FEED: this.#class("CustomerFeed", "feed"),
      ITEM: this.#class("StockItem", "item"),
    };
    this.http = this.#isolate("orders", "orders");
    this.consumer = this.#isolate("orders-consumer", "orders");
    this.stock = this.#isolate("stock", "stock");
    this.#makeQueues();
  }

  #class(className: string, unit: Unit): ObjectClass {
    const isItem = unit === "item";
    return new ObjectClass(this.kernel, {
      className,
      evaluate: this.#code[unit],
      world: this.#world,
      watcher: this.items,
      envFor: (vat) => (isItem ? this.#stockEnv(vat) : this.#ordersEnv(vat)),
      onSend: (customerId, text) => this.shown.check(JSON.parse(text), customerId, "feed"),
      onOpen: (name) => {
        if (isItem && this.unreachable.has(name)) throw new Error("Network connection lost.");
      },
    });
  }

  #isolate(name: string, unit: Unit): Isolate {
    const envFor = (vat: Vat) => (unit === "stock" ? this.#stockEnv(vat) : this.#ordersEnv(vat));
    return new Isolate(this.kernel, {
      name,
      evaluate: this.#code[unit],
      world: this.#world,
      envFor,
    });
  }

  #producers(worker: "orders" | "stock", vat: Vat): object {
    const bindings = this.#configuration.producers(worker);
    return Object.fromEntries(
      bindings.map(([name, queue]) => [name, this.queue(queue).binding(vat)]),
    );
  }

  #ordersEnv(vat: Vat): object {
    const { DESK, RECONCILER, FEED } = this.classes;
    return {
      ...this.vars,
      ...IDENTITY,
      DB: this.d1.binding(vat),
      DESK: DESK.binding(vat),
      RECONCILER: RECONCILER.binding(vat),
      FEED: FEED.binding(vat),
      STOCK: stubOf(vat, {
        name: "STOCK",
        isObject: false,
        isHanging: () => this.isStockHanging,
        open: () => {
          if (this.isStockAbsent) throw new Error("Service binding is not connected.");
          return this.stock.entrypoint("StockApi");
        },
      }),
      ...this.#producers("orders", vat),
      ...Object.fromEntries([...this.limiters].map(([name, one]) => [name, one.binding(vat)])),
    };
  }

  #stockEnv(vat: Vat): object {
    return {
      ...this.#configuration.vars("stock"),
      ITEM: this.classes.ITEM.binding(vat),
      ...this.#producers("stock", vat),
    };
  }

  queue(name: string): SimQueue {
    const queue = this.queues.get(name);
    if (!queue) throw new Error(`no queue ${name}`);
    return queue;
  }

  /** The two queues that events travel in. */
  get orderEvents(): SimQueue {
    return this.queue(this.vars.ORDER_EVENTS_QUEUE ?? "");
  }
  get stockEvents(): SimQueue {
    return this.queue(this.vars.STOCK_EVENTS_QUEUE ?? "");
  }

  #makeQueues(): void {
    for (const settings of this.#configuration.queues()) {
      this.queues.set(settings.name, new SimQueue(this.kernel, settings, this.messages));
    }
    for (const queue of this.queues.values()) {
      const { name, deadLetterQueue } = queue.settings;
      if (deadLetterQueue !== null) queue.deadLetters = this.queue(deadLetterQueue);
      const isolate = this.#configuration.consumed("stock").includes(name)
        ? this.stock
        : this.consumer;
      queue.consumer = {
        vat: () => isolate.open().vat,
        isUp: () => isolate !== this.stock || !this.isStockAbsent,
        handle: async (_vat, batch) => {
          const { handlers, env } = isolate.handlers();
          await handlers.queue(batch, env, context());
        },
      };
    }
  }

  /** The stock Worker is deployed again: what waited for it is delivered. */
  stockReturns(): void {
    this.isStockAbsent = false;
    this.orderEvents.pump();
  }

  cron(): void {
    const { vat, handlers, env } = this.consumer.handlers();
    vat.kernel.note("cron");
    const controller = { cron: "* * * * *", scheduledTime: Math.floor(vat.kernel.now_ms) };
    handlers.scheduled(controller, env, context()).catch((error: unknown) => {
      if (vat.isAlive) vat.kernel.note(`cron failed: ${String(error)}`);
    });
  }

  /** The run is over. */
  dispose(): void {
    for (const { all } of Object.values(this.classes)) for (const { store } of all) store.close();
    const { engine } = this.#database;
    this.#database.watcher = () => undefined;
    const tables = engine.db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    for (const { name } of tables) engine.db.exec(`DELETE FROM ${String(name)}`);
    idle.push(this.#database);
  }

  /** Every socket the server holds. */
  get sockets(): { feed: ReturnType<ObjectClass["get"]>; socket: SimSocket }[] {
    return this.classes.FEED.all.flatMap((feed) =>
      feed.sockets.map((socket) => ({ feed, socket })),
    );
  }
}
