import { readFileSync } from "node:fs";
import { join } from "node:path";
import { migrationNames, ROOT } from "../scripts/lib/project.ts";
import type { Code } from "./kernel/code.ts";
import { type WorldGlobals, worldGlobals } from "./kernel/globals.ts";
import { Kernel, type KernelOptions } from "./kernel/kernel.ts";
import type { Vat } from "./kernel/vat.ts";
import type { ChangesModel } from "./model/changes.ts";
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
import {
  Configuration,
  rateSettings,
  type WorkerName,
  WORKERS,
  workerNamed,
} from "./platform/settings.ts";
import type { SimSocket } from "./platform/sockets.ts";
import { Engine } from "./platform/sqlite.ts";
import { context, Isolate } from "./platform/worker.ts";
import { IDENTITY } from "./workload/tokens.ts";

/** Both Workers, wired as their configurations say, on one simulated platform. */

const schema = migrationNames()
  .map((file) => readFileSync(join(ROOT, "migrations", file), "utf8"))
  .join("\n");
const LIMITS = rateSettings();
const NAMES = Object.keys(WORKERS) as WorkerName[];

type ServiceBinding = NonNullable<(typeof WORKERS)["orders"]["services"]>[number];

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
  readonly changes: ChangesModel;
  readonly messages: MessagesModel;
  readonly shown: Shown;
  readonly waiters: Waiters;
  readonly d1: SimD1;
  readonly queues = new Map<string, SimQueue>();
  /** By the name of their binding. */
  readonly limiters: ReadonlyMap<string, SimLimiter>;
  /** By the name of their binding. */
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
  /** The database was put back, and its operator alone calls. */
  isClosed = false;
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
      mayReorder: this.vars.LATE_PAYMENT === "reorder",
      isListing: this.vars.CHANGES === "on",
    });
    this.changes = this.orders.changes;
    this.items.orders = this.orders;
    this.orders.items = this.items;
    this.messages = new MessagesModel(this.report, now, this);
    this.shown = new Shown(this.report, this.orders);
    this.waiters = new Waiters(this.report, now);
    const database = (this.#database = idle.pop() ?? openDatabase());
    database.watcher = (fact) => this.orders.observe(fact);
    this.d1 = new SimD1(database.engine, this.orders);
    this.limiters = new Map(LIMITS.map((one) => [one.name, new SimLimiter(kernel, one)]));
    this.classes = Object.fromEntries(
      NAMES.flatMap((worker) => this.#classesOf(worker)),
    ) as typeof this.classes;
    this.http = this.#isolate("orders", "orders");
    this.consumer = this.#isolate("orders-consumer", "orders");
    this.stock = this.#isolate("stock", "stock");
    this.#makeQueues();
  }

  #classesOf(worker: WorkerName): [binding: string, ObjectClass][] {
    return (WORKERS[worker].durable_objects?.bindings ?? []).map(({ name, class_name }) => [
      name,
      new ObjectClass(this.kernel, {
        className: class_name,
        evaluate: this.#code(class_name),
        world: this.#world,
        watcher: this.items,
        envFor: (vat) => this.#env(worker, vat),
        onSend: (customerId, text) => this.shown.check(JSON.parse(text), customerId, "feed"),
        onOpen: (id) => {
          if (worker === "stock" && this.unreachable.has(id)) {
            throw new Error("Network connection lost.");
          }
        },
      }),
    ]);
  }

  #isolate(name: string, worker: WorkerName): Isolate {
    return new Isolate(this.kernel, {
      name,
      evaluate: this.#code(worker),
      world: this.#world,
      envFor: (vat) => this.#env(worker, vat),
    });
  }

  /** Every binding of a Worker's configuration, as one vat holds it. */
  #env(worker: WorkerName, vat: Vat): Record<string, unknown> {
    const { d1_databases, durable_objects, services, ratelimits } = WORKERS[worker];
    const env: Record<string, unknown> =
      worker === "orders" ? { ...this.vars, ...IDENTITY } : this.#configuration.vars(worker);
    for (const { binding } of d1_databases ?? []) env[binding] = this.d1.binding(vat);
    for (const { name } of durable_objects?.bindings ?? []) {
      env[name] = this.classes[name as keyof typeof this.classes].binding(vat);
    }
    for (const one of services ?? []) env[one.binding] = this.#service(one, vat);
    for (const [binding, queue] of this.#configuration.producers(worker)) {
      env[binding] = this.queue(queue).binding(vat);
    }
    for (const { name } of ratelimits ?? []) env[name] = this.limiters.get(name)?.binding(vat);
    return env;
  }

  #service({ binding, service, entrypoint = "default" }: ServiceBinding, vat: Vat): object {
    const isStock = workerNamed(service) === "stock";
    return stubOf(vat, {
      name: binding,
      isObject: false,
      isHanging: () => isStock && this.isStockHanging,
      open: () => {
        if (isStock && this.isStockAbsent) throw new Error("Service binding is not connected.");
        return (isStock ? this.stock : this.http).entrypoint(entrypoint);
      },
    });
  }

  queue(name: string): SimQueue {
    const queue = this.queues.get(name);
    if (!queue) throw new Error(`no Worker consumes a queue ${name}`);
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
    for (const worker of NAMES) {
      const isolate = worker === "stock" ? this.stock : this.consumer;
      for (const settings of this.#configuration.consumed(worker)) {
        const queue = new SimQueue(this.kernel, settings, this.messages);
        queue.consumer = {
          vat: () => isolate.open().vat,
          isUp: () => worker !== "stock" || !this.isStockAbsent,
          handle: async (_vat, batch) => {
            const { handlers, env } = isolate.handlers();
            await handlers.queue(batch, env, context());
          },
        };
        this.queues.set(settings.name, queue);
      }
    }
    for (const queue of this.queues.values()) {
      const { deadLetterQueue } = queue.settings;
      if (deadLetterQueue !== null) queue.deadLetters = this.queue(deadLetterQueue);
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
    const [cron] = WORKERS.orders.triggers?.crons ?? [];
    const controller = { cron, scheduledTime: Math.floor(vat.kernel.now_ms) };
    handlers.scheduled(controller, env, context()).catch((error: unknown) => {
      if (vat.isAlive) vat.kernel.note(`cron failed: ${String(error)}`);
    });
  }

  /** The database is put back: what is written from now on is held against what was told. */
  stopWatching(): void {
    this.#database.watcher = () => undefined;
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
