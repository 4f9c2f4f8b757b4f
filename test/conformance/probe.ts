/** What the cases run on: one object that records, and a consumer that does as its messages say. */

export interface AlarmCall {
  retryCount: number;
  isRetry: boolean;
  /** What `getAlarm` said inside the handler. */
  armed: number | null;
}

export interface Delivery {
  queue: string;
  id: string;
  n: number;
  attempts: number;
  at_ms: number;
}

export interface Order {
  run: string;
  n: number;
  does: ("ack" | "retry" | "retry later" | "throw")[];
}

type Ctx = Pick<
  DurableObjectState,
  | "storage"
  | "acceptWebSocket"
  | "getWebSockets"
  | "setWebSocketAutoResponse"
  | "getWebSocketAutoResponseTimestamp"
  | "abort"
>;

export class Probe {
  readonly ctx: Ctx;

  constructor(ctx: Ctx) {
    this.ctx = ctx;
  }

  /** Takes a socket; the first message tells what it has kept with it. */
  accept(server: WebSocket, pair: WebSocketRequestResponsePair): void {
    this.ctx.setWebSocketAutoResponse(pair);
    this.ctx.acceptWebSocket(server);
    server.serializeAttachment({ since: 1 });
    server.send(`open ${this.ctx.getWebSockets().length}`);
  }

  /**
   * `close N` closes with that code, `abort` resets the object, `sign` is answered with whether there
   * was a ping since the last one; anything else is answered with what the object sees.
   */
  async heard(socket: WebSocket, text: string): Promise<void> {
    const [, code] = /^close (\d+)$/.exec(text) ?? [];
    if (code !== undefined) {
      socket.close(Number(code), "as told");
      this.ctx.storage.kv.put("after close", socket.readyState);
    } else if (text === "abort") {
      this.ctx.storage.kv.put("closes", ["none, for the object was aborted"]);
      await this.ctx.storage.sync();
      this.ctx.abort("as told");
    } else if (text === "sign") {
      const { kv } = this.ctx.storage;
      const last_ms = this.ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
      const known_ms = kv.get<number>("sign") ?? 0;
      kv.put("sign", last_ms);
      socket.send(`sign ${last_ms === 0 ? "none" : last_ms > known_ms ? "new" : "known"}`);
    } else socket.send(`${text} ${JSON.stringify(socket.deserializeAttachment())}`);
  }

  closed(socket: WebSocket, code: number, reason: string, wasClean: boolean): void {
    const { readyState } = socket;
    const before = this.ctx.getWebSockets().length;
    let error = "none";
    try {
      socket.close(code, reason);
    } catch (thrown) {
      error = (thrown as Error).message;
    }
    const seen = { code, reason, wasClean, readyState, before, error };
    this.ctx.storage.kv.put("closes", [...this.closes(), seen]);
  }

  closes(): unknown[] {
    return this.ctx.storage.kv.get<unknown[]>("closes") ?? [];
  }

  sockets(): { left: number; afterClose: unknown } {
    return {
      left: this.ctx.getWebSockets().length,
      afterClose: this.ctx.storage.kv.get("after close") ?? null,
    };
  }

  async arm(at_ms: number): Promise<number | null> {
    await this.ctx.storage.setAlarm(at_ms);
    return this.ctx.storage.getAlarm();
  }

  async disarm(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
  }

  /** The next `times` alarms throw; `rearm_ms`: after setting another one so much later. */
  fails(times: number, rearm_ms: number | null = null): void {
    this.ctx.storage.kv.put("fails", { times, rearm_ms });
  }

  calls(): AlarmCall[] {
    return this.ctx.storage.kv.get<AlarmCall[]>("calls") ?? [];
  }

  async alarmRang(
    { retryCount, isRetry }: { retryCount: number; isRetry: boolean },
    now_ms: number,
  ) {
    const { kv } = this.ctx.storage;
    const armed = await this.ctx.storage.getAlarm();
    kv.put("calls", [...this.calls(), { retryCount, isRetry, armed }]);
    const { times, rearm_ms } = kv.get<{ times: number; rearm_ms: number | null }>("fails") ?? {
      times: 0,
      rearm_ms: null,
    };
    if (times === 0) return;
    kv.put("fails", { times: times - 1, rearm_ms });
    if (rearm_ms !== null) await this.ctx.storage.setAlarm(now_ms + rearm_ms);
    throw new Error("the alarm fails");
  }

  record(delivery: Delivery): void {
    this.ctx.storage.kv.put("records", [...this.records(), delivery]);
  }

  records(): Delivery[] {
    return this.ctx.storage.kv.get<Delivery[]>("records") ?? [];
  }

  echo(value: unknown): unknown {
    return value;
  }

  throws(kind: "Error" | "RangeError" | "named"): void {
    if (kind === "RangeError") throw new RangeError("out of range");
    const error = new Error("thrown");
    if (kind === "named") Object.assign(error, { name: "NamedError", code: "E_NAMED" });
    throw error;
  }
}

/** Each message says in its body what is to be done with it. */
export async function consume(
  batch: MessageBatch,
  probe: (name: string) => { record(delivery: Delivery): unknown },
  now: () => number,
): Promise<void> {
  let isThrown = false;
  for (const message of batch.messages) {
    const { run, n, does } = message.body as Order;
    const { id, attempts } = message;
    await probe(run).record({ queue: batch.queue, id, n, attempts, at_ms: now() });
    if (batch.queue.endsWith("-dlq")) {
      message.ack();
      continue;
    }
    for (const what of does) {
      if (what === "ack") message.ack();
      else if (what === "retry") message.retry();
      else if (what === "retry later") message.retry({ delaySeconds: 2 });
      else isThrown = true;
    }
  }
  if (isThrown) throw new Error("the consumer fails");
}
