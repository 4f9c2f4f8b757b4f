import { loadCode } from "../../../sim/kernel/code.ts";
import { Configuration } from "../../../sim/platform/settings.ts";
import { Engine } from "../../../sim/platform/sqlite.ts";
import { type Call, json, type Methods, type Recorder, stubOf, type Target } from "./calls.ts";
import { type Clock, globalsOf } from "./globals.ts";
import { migrationNames, migrationText } from "./migrations.ts";
import { d1On, type Dump, dumpOf, type Ran, restore, Storage } from "./platform.ts";
import { START_MS, VARS } from "./settings.ts";
import type { Socket } from "./sockets.ts";

/** What a version stores. */
export interface Stored {
  now_ms: number;
  migrations: string[];
  d1: Dump;
  items: Record<string, Dump>;
  /** What the orders Worker's objects keep by key. */
  kept: Record<string, Record<string, unknown>>;
}

const configured = new Configuration("");

type Class = new (ctx: object, env: object) => Methods;
interface Worker {
  fetch(request: Request, env: object, ctx: object): Promise<Response>;
  queue(batch: object, env: object): Promise<void>;
  scheduled(controller: object, env: object): Promise<void>;
}
type Module = Record<string, Class> & { default: Worker };

/**
 * Both Workers and their objects in one process, with a clock that stands still and ids that follow
 * from it, so that the same scenario gives the same messages, calls and rows each time. What crosses
 * from one deployable piece of code to another is recorded.
 */
export class World implements Recorder {
  readonly d1 = new Engine();
  /** Bodies sent, by queue, and what the feeds sent to sockets. */
  readonly sent: Record<string, unknown[]> = {};
  readonly calls: Call[] = [];
  readonly ran: { d1: Ran[]; items: Record<string, Ran[]> } = { d1: [], items: {} };
  /** Another version in the place of a caller or a callee. */
  intercept: Recorder["intercept"] = () => ({});
  /** SKU whose item cannot be reached. */
  away = "";
  readonly storages = new Map<string, Storage>();
  readonly orders: { module: Module; env: Record<string, unknown> };
  readonly stock: { module: Module; env: Record<string, unknown> };
  readonly #objects = new Map<string, Methods>();
  readonly #delivered: Record<string, number> = {};
  readonly #clock: Clock;
  #background: Promise<unknown>[] = [];

  private constructor(modules: Record<"orders" | "stock", Module>, clock: Clock) {
    this.#clock = clock;
    const queue = (name: string) => ({
      send: async (body: unknown) => void this.#sentTo(name).push(json(body)),
      sendBatch: async (messages: Iterable<{ body: unknown }>) => {
        for (const { body } of messages) this.#sentTo(name).push(json(body));
      },
    });
    const queues = {
      ORDER_EVENTS: queue("order-events"),
      STOCK_EVENTS: queue("stock-events"),
      ORDER_EVENTS_DLQ: queue("order-events-dlq"),
    };
    this.stock = { module: modules.stock, env: { ...configured.vars("stock"), ...queues } };
    this.stock.env.ITEM = this.#namespace("ITEM", this.stock, "StockItem");
    this.stock.env.INDEX = this.#namespace("INDEX", this.stock, "StockIndex");
    const limited = { limit: async () => ({ success: true }) };
    this.orders = {
      module: modules.orders,
      env: {
        ...configured.vars("orders"),
        // A day waits for what goes on in the background.
        DEMAND_WRITE_SECONDS: "0",
        ...VARS,
        RATE_ORDERS: limited,
        RATE_GUESTS: limited,
        ...queues,
        DB: d1On(this.d1, (ran) => this.ran.d1.push(ran)),
      },
    };
    this.orders.env.DESK = this.#namespace("DESK", this.orders, "OrderDesk");
    this.orders.env.RECONCILER = this.#namespace("RECONCILER", this.orders, "Reconciler");
    this.orders.env.FEED = this.#namespace("FEED", this.orders, "CustomerFeed");
    const { StockApi } = modules.stock;
    const api = new StockApi!({ waitUntil: () => {} }, this.stock.env);
    this.orders.env.STOCK = stubOf({ target: "STOCK", name: "", object: () => api }, this);
  }

  /** A new one, or what `stored` holds with today's code and today's migrations. */
  static async open(stored?: Stored): Promise<World> {
    const clock: Clock = { now_ms: stored?.now_ms ?? START_MS, timers: new Set() };
    const code = await loadCode(false);
    const evaluate = (unit: "orders" | "stock") => code(unit)(globalsOf(clock)) as Module;
    const world = new World({ orders: evaluate("orders"), stock: evaluate("stock") }, clock);
    if (stored) world.#restore(stored);
    const known = new Set(stored?.migrations);
    for (const name of migrationNames())
      if (!known.has(name)) world.d1.db.exec(migrationText(name));
    return world;
  }

  get now_ms(): number {
    return this.#clock.now_ms;
  }

  set now_ms(now_ms: number) {
    this.#clock.now_ms = now_ms;
  }

  #restore({ d1, items, kept }: Stored): void {
    restore(this.d1, d1);
    for (const [sku, dump] of Object.entries(items)) {
      restore(this.#storage("ITEM", sku).engine, dump);
    }
    for (const [path, entries] of Object.entries(kept)) {
      const [target, name] = path.split(" ") as [Target, string];
      const { kv } = this.#storage(target, name).binding();
      for (const [key, value] of Object.entries(entries)) kv.put(key, value);
    }
  }

  stored(): Stored {
    const all = [...this.storages];
    const items = all.filter(([path]) => path.startsWith("ITEM "));
    const kept = all.filter(([, storage]) => storage.kept.size > 0);
    return {
      now_ms: this.now_ms,
      migrations: migrationNames(),
      d1: dumpOf(this.d1),
      items: Object.fromEntries(
        items.map(([path, { engine }]) => [path.slice("ITEM ".length), dumpOf(engine)]),
      ),
      kept: Object.fromEntries(
        kept.map(([path, storage]) => [path, Object.fromEntries(storage.kept)]),
      ),
    };
  }

  async http(method: string, path: string, given: RequestInit = {}): Promise<Answer> {
    const request = new Request(`http://localhost${path}`, { method, ...given });
    const waitUntil = (work: Promise<unknown>) => void this.#background.push(work);
    const worker = this.orders.module.default;
    const response = await worker.fetch(request, this.orders.env, { waitUntil });
    const text = await response.text();
    await this.quiet();
    const body = text === "" ? null : JSON.parse(text);
    const answer: Answer = { status: response.status, body };
    const sent = typeof given.body === "string" ? [JSON.parse(given.body)] : [];
    this.keep({ target: "HTTP", name: path, method, arguments: sent, answer });
    return answer;
  }

  /** Until nothing is under way in the background: the desk announces by itself. */
  async quiet(): Promise<void> {
    await Promise.all(this.#background.splice(0));
    for (let turns = 0; turns < 20 || this.#clock.timers.size > 0; turns++) {
      await new Promise((next) => setImmediate(next));
    }
  }

  /** Delivers what was sent since the last call, or these bodies. */
  async deliver(queue: string, fresh = this.take(queue)): Promise<void> {
    const call = { target: "QUEUE", name: queue, method: "deliver", arguments: fresh } as const;
    const replaced = this.intercept({ at_ms: this.now_ms, ...call });
    const bodies = replaced.arguments ?? fresh;
    const retried: unknown[] = [];
    const messages = bodies.map((body, i) => ({
      id: `${queue}-${this.now_ms}-${i}`,
      timestamp: new Date(this.now_ms),
      body,
      attempts: 1,
      ack: () => {},
      retry: () => void retried.push(body),
    }));
    const { module, env } = queue === "order-events" ? this.stock : this.orders;
    if (messages.length > 0 && replaced.answer === undefined)
      await module.default.queue({ queue, messages }, env);
    await this.quiet();
    this.keep({ ...call, answer: retried });
  }

  keep(call: Omit<Call, "at_ms">): void {
    this.calls.push({ at_ms: this.now_ms, ...call });
  }

  /** What was sent to the queue since the last call. */
  take(queue: string): unknown[] {
    const all = this.#sentTo(queue);
    const fresh = all.slice(this.#delivered[queue] ?? 0);
    this.#delivered[queue] = all.length;
    return fresh;
  }

  /** The object as its callers see it, recorded. */
  object(target: "ITEM" | "DESK" | "RECONCILER" | "FEED", name: string): Methods {
    const { env } = target === "ITEM" ? this.stock : this.orders;
    return (env[target] as { getByName(name: string): Methods }).getByName(name);
  }

  #sentTo(name: string): unknown[] {
    return (this.sent[name] ??= []);
  }

  #storage(target: Target, name: string): Storage {
    const path = `${target} ${name}`;
    let storage = this.storages.get(path);
    if (!storage) {
      const onRun = (ran: Ran) => (this.ran.items[name] ??= []).push(ran);
      storage = new Storage(path, target === "ITEM" ? onRun : undefined);
      this.storages.set(path, storage);
    }
    return storage;
  }

  #namespace(target: Target, worker: { module: Module; env: object }, type: string) {
    const make = (name: string): Methods => {
      const sockets: Socket[] = [];
      const ctx = {
        storage: this.#storage(target, name).binding(),
        setWebSocketAutoResponse: () => {},
        getWebSocketAutoResponseTimestamp: () => null,
        getWebSockets: () => sockets,
        acceptWebSocket: (socket: Socket) => {
          socket.onSend = (text) => this.#sentTo("feed").push(JSON.parse(text));
          sockets.push(socket);
        },
        waitUntil: (work: Promise<unknown>) => void this.#background.push(work),
      };
      return new worker.module[type]!(ctx, worker.env);
    };
    const objectOf = (name: string): Methods => {
      if (target === "ITEM" && name === this.away) throw new Error("the item is away");
      const path = `${target} ${name}`;
      const object = this.#objects.get(path) ?? make(name);
      this.#objects.set(path, object);
      return object;
    };
    const getByName = (name: string) =>
      stubOf({ target, name, object: () => objectOf(name) }, this);
    return { getByName };
  }
}

export interface Answer {
  status: number;
  body: unknown;
}
