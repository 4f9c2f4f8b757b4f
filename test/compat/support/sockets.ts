/** WebSockets of a CustomerFeed, as far as it uses them: nobody listens but `onSend`. */

export class Socket {
  static readonly OPEN = 1;
  readyState = Socket.OPEN;
  onSend: (text: string) => void = () => {};
  #attachment: unknown = null;

  send(text: string): void {
    this.onSend(text);
  }
  close(): void {
    this.readyState = 3;
  }
  accept(): void {}
  serializeAttachment(value: unknown): void {
    this.#attachment = structuredClone(value);
  }
  deserializeAttachment(): unknown {
    return structuredClone(this.#attachment);
  }
}

export class SocketPair {
  readonly 0 = new Socket();
  readonly 1 = new Socket();
}
