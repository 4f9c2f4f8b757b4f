import type { Evaluate } from "../kernel/code.ts";
import { vatGlobals, type WorldGlobals } from "../kernel/globals.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { Vat } from "../kernel/vat.ts";
import { type Callee, serve, stubOf } from "./rpc.ts";
import type { SimSocket } from "./sockets.ts";
import { ObjectStore, type StoreWatcher } from "./storage.ts";

/** Durable Objects of one class: at most one incarnation each, with storage that outlives it. */

export interface ClassOptions {
  className: string;
  evaluate: Evaluate;
  world: WorldGlobals;
  watcher: StoreWatcher;
  envFor: (vat: Vat) => object;
  /** Sees what the object sends by its sockets. */
  onSend?: (name: string, text: string) => void;
  /** Throws when the object cannot be reached just now. */
  onOpen?: (name: string) => void;
}

type Instance = Record<string, ((...args: unknown[]) => unknown) | undefined>;

const MAX_ALARM_RETRIES = 6;

export class ObjectClass {
  readonly kernel: Kernel;
  readonly options: ClassOptions;
  readonly #objects = new Map<string, SimObject>();

  constructor(kernel: Kernel, options: ClassOptions) {
    this.kernel = kernel;
    this.options = options;
  }

  get(name: string): SimObject {
    let object = this.#objects.get(name);
    if (!object) this.#objects.set(name, (object = new SimObject(this, name)));
    return object;
  }

  get all(): SimObject[] {
    return [...this.#objects.values()];
  }

  /** The namespace binding as one vat holds it. */
  binding(vat: Vat): object {
    const getByName = (name: string) => {
      vat.assertAlive();
      return stubOf(vat, this.get(name));
    };
    return {
      getByName,
      idFromName: (name: string) => ({ name }),
      get: (id: { name: string }) => getByName(id.name),
    };
  }
}

export class SimObject {
  readonly name: string;
  readonly isObject = true;
  readonly store: ObjectStore;
  readonly #class: ObjectClass;
  readonly #id: string;
  #running: (Callee & { object: Instance }) | null = null;
  #sockets: SimSocket[] = [];
  #autoResponse: { request: string; response: string } | null = null;
  #alarm = 0;
  isAlarmLost = false;

  constructor(ofClass: ObjectClass, id: string) {
    this.#class = ofClass;
    this.#id = id;
    this.name = `${ofClass.options.className} ${id}`;
    this.store = new ObjectStore(this.name, ofClass.options.watcher, (at_ms) => this.#plan(at_ms));
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  get sockets(): readonly SimSocket[] {
    return this.#sockets;
  }

  open(): Callee & { object: Instance } {
    const { options, kernel } = this.#class;
    options.onOpen?.(this.#id);
    if (this.#running) return this.#running;
    const vat = new Vat(kernel, this.name);
    const exports = options.evaluate(vatGlobals(vat, options.world));
    vat.store = this.store;
    this.store.vat = vat;
    vat.onDeath(() => this.#ended());
    const Class = exports[options.className] as new (ctx: unknown, env: unknown) => Instance;
    this.#running = { vat, object: new Class(this.#context(vat), options.envFor(vat)) };
    return this.#running;
  }

  /** It crashes: memory, calls and sockets are gone. */
  reset(why: string): void {
    this.#running?.vat.kill(why);
  }

  /** It is put to sleep while idle: only its memory is gone, sockets hibernate. */
  evict(): boolean {
    if (!this.#running || this.#running.vat.busy > 0) return false;
    const sockets = this.#sockets;
    this.#sockets = [];
    this.#running.vat.kill("evicted");
    this.#sockets = sockets;
    return true;
  }

  #ended(): void {
    this.#running = null;
    this.store.rollback();
    this.store.vat = null;
    for (const socket of this.#sockets) socket.cut();
    this.#sockets = [];
  }

  #context(vat: Vat): object {
    return {
      id: { name: this.#id, toString: () => this.#id },
      storage: this.store.storageFor(vat),
      waitUntil: () => undefined,
      blockConcurrencyWhile: <T>(work: () => Promise<T>) => work(),
      acceptWebSocket: (socket: SimSocket) => {
        vat.assertAlive();
        socket.accept();
        socket.vat = vat;
        socket.host = this.#host;
        socket.onSend = (text) => this.#class.options.onSend?.(this.#id, text);
        this.#sockets.push(socket);
      },
      getWebSockets: () => {
        vat.assertAlive();
        for (const socket of this.#sockets) socket.vat = vat;
        return [...this.#sockets];
      },
      setWebSocketAutoResponse: (pair: { request: string; response: string }) => {
        this.#autoResponse = pair;
      },
      getWebSocketAutoResponseTimestamp: ({ autoResponse_ms }: SimSocket) =>
        autoResponse_ms === null ? null : new Date(autoResponse_ms),
      abort: (reason: string) => vat.kill(reason),
    };
  }

  readonly #host = {
    received: (socket: SimSocket, text: string): void => {
      if (text === this.#autoResponse?.request) socket.autoRespond(this.#autoResponse.response);
      else this.#wake(`${this.name} hears`, "webSocketMessage", [socket, text]);
    },
    closed: (socket: SimSocket, code: number, reason: string, wasClean: boolean): void => {
      this.#wake(`${this.name} hears of a close with ${code}`, "webSocketClose", [
        socket,
        code,
        reason,
        wasClean,
      ]);
    },
  };

  #wake(label: string, method: string, args: [SimSocket, ...unknown[]]): void {
    const { kernel } = this.#class;
    kernel.after(kernel.latency_ms(this.name), label, () => {
      const [socket] = args;
      if (!this.#sockets.includes(socket)) return;
      const callee = this.open();
      socket.vat = callee.vat;
      // In the handler of its end a socket is the object's no more.
      if (method === "webSocketClose") {
        this.#sockets = this.#sockets.filter((other) => other !== socket);
      }
      serve(callee, method, args, { ok: () => undefined, fail: () => undefined });
    });
  }

  /** A connection that broke: the object hears of it, sooner or later. */
  cutSocket(socket: SimSocket): void {
    const { kernel } = this.#class;
    socket.cut();
    kernel.after(kernel.latency_ms(this.name) * 100, `${this.name} misses a peer`, () => {
      if (!this.#sockets.includes(socket)) return;
      socket.readyState = 2;
      this.#host.closed(socket, 1006, "", false);
    });
  }

  /** Sees to the alarm that was just committed; an earlier one is overwritten. */
  #plan(at_ms: number | null): void {
    const plan = ++this.#alarm;
    this.isAlarmLost = false;
    if (at_ms === null) return;
    const { kernel } = this.#class;
    const { faults } = kernel;
    if (faults.strike("alarm never", this.name)) {
      this.isAlarmLost = true;
      return;
    }
    const late = faults.strike("alarm late", this.name) ? kernel.slow_ms(this.name) : 0;
    kernel.at(Math.max(at_ms, kernel.now_ms) + late, "", () => {
      if (plan !== this.#alarm) return;
      if (faults.strike("alarm twice", this.name)) {
        // The copy takes no alarm away that was set in between.
        kernel.after(kernel.latency_ms(this.name), `${this.name} alarm again`, () =>
          this.#ring(0, plan, true),
        );
      }
      this.#ring(0, plan, false);
    });
  }

  #ring(retries: number, plan: number, isCopy: boolean): void {
    const { kernel } = this.#class;
    if (plan !== this.#alarm && !isCopy) return;
    kernel.note(`${this.name} alarm`);
    if (!isCopy) this.store.takeAlarm();
    const again = (): void => {
      // One that failed comes again, unless the object has set another meanwhile.
      if (isCopy || plan !== this.#alarm || retries >= MAX_ALARM_RETRIES) return;
      kernel.after(2_000 * 2 ** retries, `${this.name} alarm retried`, () =>
        this.#ring(retries + 1, plan, false),
      );
    };
    let callee: Callee;
    try {
      callee = this.open();
    } catch {
      return again();
    }
    const info = { retryCount: retries, isRetry: retries > 0 };
    serve(callee, "alarm", [info], {
      ok: () => undefined,
      fail: again,
    });
  }
}
