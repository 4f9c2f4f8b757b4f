import type { Evaluate, Exports } from "../kernel/code.ts";
import { vatGlobals, type WorldGlobals } from "../kernel/globals.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { asRequest, RequestContext } from "../kernel/request.ts";
import { Vat } from "../kernel/vat.ts";
import { SimResponse } from "./http.ts";
import { type Callee, serve } from "./rpc.ts";

/** One isolate of a Worker, started when something comes for it. */

interface Running {
  vat: Vat;
  exports: Exports;
  env: object;
}

export interface Handlers {
  fetch(request: Request, env: object, ctx: object): Promise<Response>;
  queue(batch: object, env: object, ctx: object): Promise<void>;
  scheduled(controller: object, env: object, ctx: object): Promise<void>;
}

export interface WorkerOptions {
  name: string;
  evaluate: Evaluate;
  world: WorldGlobals;
  envFor: (vat: Vat) => object;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
  webSocket: unknown;
}

export class Isolate {
  readonly kernel: Kernel;
  readonly #options: WorkerOptions;
  #running: Running | null = null;

  constructor(kernel: Kernel, options: WorkerOptions) {
    this.kernel = kernel;
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  open(): Running {
    if (this.#running) return this.#running;
    const { name, evaluate, world, envFor } = this.#options;
    const vat = new Vat(this.kernel, name);
    vat.onDeath(() => {
      this.#running = null;
    });
    this.#running = { vat, exports: evaluate(vatGlobals(vat, world)), env: envFor(vat) };
    return this.#running;
  }

  crash(why: string): void {
    this.#running?.vat.kill(why);
  }

  handlers(): Running & { handlers: Handlers } {
    const running = this.open();
    return { ...running, handlers: running.exports.default as Handlers };
  }

  /** A named entrypoint, for RPC. */
  entrypoint(name: string): Callee {
    const { vat, exports, env } = this.open();
    const Entrypoint = exports[name] as new (ctx: object, env: object) => object;
    return { vat, object: new Entrypoint(context(), env) };
  }

  /**
   * Called in an event: a request has arrived. The answer leaves with the turn that made it. The
   * result is what a client does that hangs up.
   */
  request(request: Request, onAnswer: (answer: Answer) => void, onFailure: () => void): () => void {
    const { vat, env, handlers } = this.handlers();
    const own = new RequestContext(this.kernel);
    const ctx = {
      ...context(),
      waitUntil: (work: Promise<unknown>) => own.waitUntil(work),
      abort: () => own.cancel(),
    };
    const object = { fetch: () => asRequest(own, () => handlers.fetch(request, env, ctx)) };
    serve({ vat, object }, "fetch", [], {
      ok: (value) => onAnswer(answerOf(value as SimResponse)),
      fail: onFailure,
    });
    return () => own.cancel();
  }
}

/** Background work is bounded by the life of the isolate alone. */
export const context = (): object => ({
  waitUntil: () => undefined,
  passThroughOnException: () => undefined,
  props: {},
});

function answerOf(response: SimResponse): Answer {
  const { status, headers, body: text, webSocket } = response;
  let body: unknown = text;
  try {
    if (text !== null) body = JSON.parse(text);
  } catch {
    // A body that is no JSON is shown as it is.
  }
  return { status, headers, body, webSocket };
}
