import { type ActiveTime, takeCounts, tally } from "./counts.ts";
import { meteredD1 } from "./d1.ts";
import type { Metered } from "./objects.ts";
import { meteredBatch, meteredQueue } from "./queues.ts";
import { endTrace, startTrace, traced, tracedNamespace, tracedStub } from "./trace.ts";

export type WrapEnv = <E extends object>(env: E, who: string, active?: ActiveTime) => E;

interface Wrapped {
  d1?: string[];
  queues?: string[];
  /** The class of the objects that a binding is for. */
  objects?: Record<string, string>;
  /** The class of the objects that a service calls. */
  services?: Record<string, string>;
}

/** Replaces the named bindings by counting ones. */
export const wrapping =
  ({ d1 = [], queues = [], objects = {}, services = {} }: Wrapped): WrapEnv =>
  (env, who, active) => {
    const own: Record<string, unknown> = { ...(env as Record<string, unknown>) };
    for (const name of d1) own[name] = meteredD1(own[name] as D1Database, who, active);
    for (const name of queues) own[name] = meteredQueue(own[name] as Queue, who, active);
    for (const [name, what] of Object.entries(objects)) {
      own[name] = tracedNamespace(own[name] as DurableObjectNamespace, who, what);
    }
    for (const [name, what] of Object.entries(services)) {
      own[name] = tracedStub(own[name] as object, who, what);
    }
    return own as unknown as typeof env;
  };

/** Paths of the meter itself: `counts`, `trace` and then `calls`, and `forget`, `ring` or `fill` `?binding=ITEM&name=SKU`. */
const METER = "/__meter/";

/** The Worker with its invocations counted, and the meter's own paths. */
export function meteredWorker<E extends object>(
  worker: ExportedHandler<E>,
  wrapEnv: WrapEnv,
): ExportedHandler<E> {
  return {
    async fetch(request, env, context) {
      const url = new URL(request.url);
      if (url.pathname.startsWith(METER)) return answer(url, env as Record<string, unknown>);
      tally("worker.requests", "http");
      const { fetch } = worker;
      if (!fetch) return new Response(null, { status: 404 });
      return traced("client", "request", () => fetch(request, wrapEnv(env, "http"), context));
    },
    async queue(batch, env, context) {
      tally("worker.batches", batch.queue);
      await worker.queue?.(meteredBatch(batch), wrapEnv(env, batch.queue), context);
    },
    async scheduled(controller, env, context) {
      tally("worker.crons", "cron");
      await worker.scheduled?.(controller, wrapEnv(env, "cron"), context);
    },
  };
}

async function answer(url: URL, env: Record<string, unknown>): Promise<Response> {
  const what = url.pathname.slice(METER.length);
  if (what === "counts") return Response.json(takeCounts());
  if (what === "calls") return Response.json(endTrace());
  if (what === "trace") {
    startTrace();
    return Response.json(what);
  }
  const [binding, name] = [url.searchParams.get("binding"), url.searchParams.get("name")];
  const namespace = env[binding ?? ""] as DurableObjectNamespace;
  const object = namespace.getByName(name ?? "") as unknown as Metered;
  if (what === "ring") await object.ring();
  if (what === "poke") await object.poke();
  if (what === "fill") await object.fill(url.searchParams.get("sql") ?? "");
  // An object that is aborted takes the call with it.
  if (what === "forget") await Promise.resolve(object.forget()).catch(() => {});
  return Response.json(what);
}
