import { connect, type Socket } from "node:net";

/** A feed over a socket of our own, which may leave unread what it gets. */

const HEAD_END = "\r\n\r\n";
/** `ping` as a text frame of a client, with a mask of zeros (RFC 6455, 5.2). */
const PING = Buffer.concat([Buffer.from([0x81, 0x84, 0, 0, 0, 0]), Buffer.from("ping")]);
/** A reader pings at least as often, in bytes that it has read. */
const PING_BYTES = 65_536;
const CLOSE_OPCODE = 8;

export class RawFeed {
  /** The close code that was read; 0: none yet. */
  code = 0;
  /** The connection has ended, and this end knows. */
  isOver = false;
  readonly #socket: Socket;
  #unparsed = Buffer.alloc(0);
  #sincePing_bytes = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("close", () => (this.isOver = true));
    socket.on("error", () => (this.isOver = true));
  }

  /** Resolves with the first bytes of the answer; from then on nothing is read. */
  static open(base: string, token: string): Promise<RawFeed> {
    const { hostname, port, host } = new URL(base);
    const socket = connect(Number(port), hostname);
    const feed = new RawFeed(socket);
    const lines = [
      "GET /v1/feed HTTP/1.1",
      `Host: ${host}`,
      `Authorization: Bearer ${token}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    socket.write(lines.join("\r\n") + HEAD_END);
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.once("data", (data: Buffer) => {
        socket.pause();
        const end = data.indexOf(HEAD_END);
        if (!data.toString("latin1").startsWith("HTTP/1.1 101")) {
          return reject(new Error(`a feed is refused: ${data.toString("latin1").slice(0, 60)}`));
        }
        feed.#unparsed = data.subarray(end + HEAD_END.length);
        resolve(feed);
      });
    });
  }

  read(): void {
    this.#socket.on("data", (data: Buffer) => this.#hear(data));
    this.#socket.resume();
    this.#hear(Buffer.alloc(0));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #hear(data: Buffer): void {
    this.#sincePing_bytes += data.length;
    if (this.#sincePing_bytes > PING_BYTES) {
      this.#sincePing_bytes = 0;
      this.#socket.write(PING);
    }
    this.#unparsed = Buffer.concat([this.#unparsed, data]);
    for (;;) {
      const frame = firstFrame(this.#unparsed);
      if (!frame) return;
      if (frame.opcode === CLOSE_OPCODE) this.code = frame.body.readUInt16BE(0);
      this.#unparsed = this.#unparsed.subarray(frame.length);
    }
  }
}

/** Frames of a server have no mask, and ours are never longer than 2^32 bytes. */
function firstFrame(data: Buffer): { opcode: number; body: Buffer; length: number } | null {
  if (data.length < 2) return null;
  const short = (data[1] ?? 0) & 0x7f;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (data.length < head) return null;
  const size = short === 126 ? data.readUInt16BE(2) : short === 127 ? data.readUInt32BE(6) : short;
  if (data.length < head + size) return null;
  return {
    opcode: (data[0] ?? 0) & 0x0f,
    body: data.subarray(head, head + size),
    length: head + size,
  };
}
