import { worldGlobals } from "../../sim/kernel/globals.ts";
import { Kernel } from "../../sim/kernel/kernel.ts";
import { Vat } from "../../sim/kernel/vat.ts";
import { SimD1 } from "../../sim/platform/d1.ts";
import { SimResponse } from "../../sim/platform/http.ts";
import { SimLimiter } from "../../sim/platform/limiter.ts";
import { ObjectClass } from "../../sim/platform/objects.ts";
import { type QueueSettings, SimQueue } from "../../sim/platform/queues.ts";
import { SimSocket } from "../../sim/platform/sockets.ts";
import { Engine } from "../../sim/platform/sqlite.ts";
import { ObjectStore, type StoreWatcher } from "../../sim/platform/storage.ts";
import { LIMIT, PERIOD_MS } from "./limiter.cases.ts";
import type { Client, Platform, ProbeStub } from "./platform.ts";
import { consume, type Delivery, Probe } from "./probe.ts";

/** The platform of the cases, made of the simulation's stand-ins, with no faults. */

const UNWATCHED: StoreWatcher = {
  onOpen: () => undefined,
  onCommit: () => undefined,
  mark: () => 0,
  onRollback: () => undefined,
};
const SETTINGS: QueueSettings = {
  name: "conformance",
  maxBatchSize: 1,
  maxBatchTimeout_ms: 0,
  maxRetries: 2,
  maxConcurrency: 1,
  retryDelay_ms: 1_000,
  deadLetterQueue: "conformance-dlq",
};

/** Runs a case with virtual time going on as long as it takes. */
export async function onStandIns<T>(work: (platform: Platform) => Promise<T>): Promise<T> {
  const kernel = new Kernel({ seed: 1 });
  kernel.faults.isActive = false;
  const caller = new Vat(kernel, "case");
  const classes = probeClass(kernel, caller);
  const platform: Platform = {
    db: new SimD1(new Engine(), { onCommit: () => undefined, onRollback: () => undefined }).binding(
      caller,
    ),
    queue: queues(kernel, classes, caller),
    limiter: new SimLimiter(kernel, {
      name: "limiter",
      limit: LIMIT,
      period_ms: PERIOD_MS,
    }).binding(caller),
    inObject: (inside) => inObject(kernel, inside),
    probe: (name) =>
      (classes.binding(caller) as { getByName(name: string): unknown }).getByName(
        name,
      ) as ProbeStub,
    connect: (name) => connect(classes, caller, name),
    now: () => Math.floor(kernel.now_ms),
    sleep: (ms) =>
      new Promise((resolve) => {
        kernel.after(ms, "", resolve);
      }),
  };
  let result: { value: T } | undefined;
  let failure: { error: unknown } | undefined;
  kernel.after(0, "", () => {
    work(platform).then(
      (value) => (result = { value }),
      (error: unknown) => (failure = { error }),
    );
  });
  while (!result && !failure) await kernel.runUntil(kernel.now_ms + 1_000);
  if (failure) throw failure.error;
  return (result as { value: T }).value;
}

function probeClass(kernel: Kernel, caller: Vat): ObjectClass {
  class Simulated extends Probe {
    fetch(): SimResponse {
      const socket = new SimSocket(caller);
      this.accept(
        socket as unknown as WebSocket,
        { request: "ping", response: "pong" } as WebSocketRequestResponsePair,
      );
      return new SimResponse(null, { status: 101, webSocket: socket });
    }
    webSocketMessage(socket: WebSocket, text: string): Promise<void> {
      return this.heard(socket, text);
    }
    webSocketClose(socket: WebSocket, code: number, reason: string, wasClean: boolean): void {
      this.closed(socket, code, reason, wasClean);
    }
    alarm(info: { retryCount: number; isRetry: boolean }): Promise<void> {
      return this.alarmRang(info, Math.floor(kernel.now_ms));
    }
  }
  return new ObjectClass(kernel, {
    className: "Probe",
    evaluate: () => ({ Probe: Simulated }),
    world: worldGlobals(kernel),
    watcher: UNWATCHED,
    envFor: () => ({}),
  });
}

function queues(kernel: Kernel, classes: ObjectClass, caller: Vat): Queue {
  const watcher = { onSend: () => undefined, onAck: () => undefined, onDead: () => undefined };
  const queue = new SimQueue(kernel, SETTINGS, watcher);
  const dead = new SimQueue(
    kernel,
    { ...SETTINGS, name: "conformance-dlq", deadLetterQueue: null },
    watcher,
  );
  queue.deadLetters = dead;
  for (const each of [queue, dead]) {
    const vat = new Vat(kernel, `consumer of ${each.settings.name}`);
    const binding = classes.binding(vat) as {
      getByName(name: string): { record(delivery: Delivery): unknown };
    };
    each.consumer = {
      vat: () => vat,
      isUp: () => true,
      handle: (_vat, batch) =>
        consume(
          batch as MessageBatch,
          (name) => binding.getByName(name),
          () => Math.floor(kernel.now_ms),
        ),
    };
  }
  return queue.binding(caller) as Queue;
}

async function connect(classes: ObjectClass, caller: Vat, name: string): Promise<Client> {
  const stub = (
    classes.binding(caller) as { getByName(name: string): { fetch(url: string): Promise<unknown> } }
  ).getByName(name);
  const { webSocket } = (await stub.fetch("https://probe/")) as { webSocket: SimSocket };
  const heard: string[] = [];
  webSocket.connect({
    onMessage: (text) => heard.push(text),
    onClose: (code, reason) => heard.push(`closed ${code} ${reason}`),
  });
  return {
    heard,
    send: (text) => webSocket.clientSend(text),
    close: (code) => webSocket.clientClose(code),
  };
}

function inObject<T>(
  kernel: Kernel,
  work: (ctx: DurableObjectState) => T | Promise<T>,
): Promise<T> {
  const vat = new Vat(kernel, "object");
  const store = new ObjectStore("object", UNWATCHED, () => undefined);
  vat.store = store;
  store.vat = vat;
  return Promise.resolve(work({ storage: store.storageFor(vat) } as DurableObjectState));
}
