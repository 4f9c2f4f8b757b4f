import { DurableObject } from "cloudflare:workers";
import { consume, type Delivery, Probe as Inner } from "./probe.ts";

interface Env {
  PROBE: DurableObjectNamespace<Probe>;
}

/** The probe as the runtime wants it. */
export class Probe extends DurableObject {
  readonly #inner = new Inner(this.ctx);

  arm(at_ms: number) {
    return this.#inner.arm(at_ms);
  }
  disarm() {
    return this.#inner.disarm();
  }
  fails(times: number, rearm_ms: number | null = null) {
    this.#inner.fails(times, rearm_ms);
  }
  calls() {
    return this.#inner.calls();
  }
  record(delivery: Delivery) {
    this.#inner.record(delivery);
  }
  records() {
    return this.#inner.records();
  }
  echo(value: unknown) {
    return this.#inner.echo(value);
  }
  throws(kind: "Error" | "RangeError" | "named") {
    this.#inner.throws(kind);
  }
  closes() {
    return this.#inner.closes();
  }
  sockets() {
    return this.#inner.sockets();
  }
  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#inner.accept(server, new WebSocketRequestResponsePair("ping", "pong"));
    return new Response(null, { status: 101, webSocket: client });
  }
  override webSocketMessage(socket: WebSocket, text: string) {
    return this.#inner.heard(socket, text);
  }
  override webSocketClose(socket: WebSocket, code: number, reason: string, wasClean: boolean) {
    this.#inner.closed(socket, code, reason, wasClean);
  }
  override alarm(info: AlarmInvocationInfo) {
    return this.#inner.alarmRang(info, Date.now());
  }
}

export default {
  async queue(batch: MessageBatch, env: Env): Promise<void> {
    const probe = (name: string) =>
      env.PROBE.getByName(name) as { record(delivery: Delivery): unknown };
    await consume(batch, probe, Date.now);
  },
};
