import type { Vat } from "../kernel/vat.ts";

/** WebSockets between a client of the simulation and the code under test. */

export interface ClientEnd {
  onMessage(text: string): void;
  onClose(code: number, reason: string): void;
}

/** What hibernates with a socket: its Durable Object, as long as that has not crashed. */
export interface SocketHost {
  closed(socket: SimSocket, code: number, reason: string, wasClean: boolean): void;
  received(socket: SimSocket, text: string): void;
}

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** The server's end. The same object is the client's end until `connect` gives that a body. */
export class SimSocket {
  static readonly CONNECTING = CONNECTING;
  static readonly OPEN = OPEN;
  static readonly CLOSING = CLOSING;
  static readonly CLOSED = CLOSED;

  readyState: number = CONNECTING;
  vat: Vat;
  host: SocketHost | null = null;
  #attachment: unknown = null;
  /** The wire: what has been sent arrives in order. */
  #arrives_ms = 0;
  #client: ClientEnd | null = null;
  #early: (() => void)[] = [];
  readonly #onClose: (() => void)[] = [];
  isCut = false;
  /** When the runtime last answered for the object. */
  autoResponse_ms: number | null = null;

  constructor(vat: Vat) {
    this.vat = vat;
  }

  accept(): void {
    this.readyState = OPEN;
  }

  send(text: string): void {
    this.vat.assertAlive();
    if (this.readyState !== OPEN) throw new TypeError("Can't call WebSocket send() after close().");
    this.onSend?.(text);
    this.#post(`socket ← ${text.slice(0, 60)}`, (client) => client.onMessage(text));
  }

  close(code = 1000, reason = ""): void {
    this.vat.assertAlive();
    if (
      code !== 1000 &&
      (code < 3000 || code > 4999) &&
      ![1001, 1008, 1011, 1012, 1013].includes(code)
    ) {
      throw new TypeError(`Invalid WebSocket close code: ${code}.`);
    }
    if (this.readyState === CLOSED) return;
    const isAnswer = this.readyState === CLOSING;
    this.readyState = isAnswer ? CLOSED : CLOSING;
    this.#post(`socket closes with ${code}`, (client) => {
      client.onClose(code, reason);
      // The client's end answers the close by itself.
      if (!isAnswer) this.host?.closed(this, code, reason, true);
      for (const listener of this.#onClose) listener();
      this.readyState = CLOSED;
    });
  }

  /** Set by the model: sees every message as it is sent. */
  onSend: ((text: string) => void) | null = null;

  /** Only for sockets of a Worker: those of an object have handlers. */
  addEventListener(type: "close", listener: () => void): void {
    if (type === "close") this.#onClose.push(listener);
  }

  serializeAttachment(value: unknown): void {
    this.#attachment = structuredClone(value);
  }

  deserializeAttachment(): unknown {
    return structuredClone(this.#attachment);
  }

  #post(label: string, effect: (client: ClientEnd) => void): void {
    const { vat } = this;
    vat.post(() => this.#wire(label, effect));
  }

  #wire(label: string, effect: (client: ClientEnd) => void): void {
    const { kernel } = this.vat;
    this.#arrives_ms = Math.max(
      this.#arrives_ms + 0.001,
      kernel.now_ms + kernel.latency_ms(this.vat.name),
    );
    kernel.at(this.#arrives_ms, label, () => {
      if (this.isCut) return;
      if (this.#client) effect(this.#client);
      else this.#early.push(() => this.#client && effect(this.#client));
    });
  }

  /** The client has its end. */
  connect(client: ClientEnd): void {
    this.#client = client;
    for (const effect of this.#early) effect();
    this.#early = [];
  }

  /** The runtime's own answer, without waking the object. */
  autoRespond(text: string): void {
    this.autoResponse_ms = Math.floor(this.vat.kernel.now_ms);
    this.#wire(`socket ← ${text}`, (client) => client.onMessage(text));
  }

  /** The client sends a message, or closes. */
  clientSend(text: string): void {
    if (!this.isCut && this.readyState === OPEN) this.host?.received(this, text);
  }

  clientClose(code: number): void {
    if (this.isCut || this.readyState !== OPEN) return;
    this.readyState = CLOSING;
    this.host?.closed(this, code, "", true);
  }

  /** The connection is gone: the client knows now, the server some time later or never. */
  cut(): void {
    if (this.isCut || this.readyState === CLOSED) return;
    this.isCut = true;
    const client = this.#client;
    if (client) client.onClose(1006, "");
    else this.#early.push(() => this.#client?.onClose(1006, ""));
  }
}

export class SimSocketPair {
  readonly 0: SimSocket;
  readonly 1: SimSocket;
  constructor(vat: Vat) {
    this[0] = this[1] = new SimSocket(vat);
  }
}
