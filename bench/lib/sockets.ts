import { wallNow_ms } from "./clock.ts";
import { tokenOf } from "./orders.ts";

/** Feeds of customers, and when each first told that an order has an outcome. */

const OPEN_TIMEOUT_MS = 30_000;
/** Sockets opened at the same time. */
const OPENING = 25;

interface Message {
  type: string;
  order?: { id: string; status: string };
}

export class Sockets {
  /** Milliseconds since 1970, by order id. */
  readonly decidedAt_ms = new Map<string, number>();
  readonly #sockets: WebSocket[] = [];
  #heard: (orderId: string) => void = () => undefined;

  /** Resolves when every socket has had its snapshot. */
  async open(base: string, customers: readonly string[]): Promise<void> {
    for (let i = 0; i < customers.length; i += OPENING) {
      await Promise.all(customers.slice(i, i + OPENING).map((name) => this.#openOne(base, name)));
    }
  }

  async #openOne(base: string, customer: string): Promise<void> {
    const url = `${base.replace("http", "ws")}/v1/feed`;
    const socket = new WebSocket(url, ["lockstock.v1", `bearer.${await tokenOf(customer)}`]);
    this.#sockets.push(socket);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no snapshot")), OPEN_TIMEOUT_MS);
      socket.addEventListener("close", ({ code }) => reject(new Error(`feed closed: ${code}`)));
      socket.addEventListener("message", ({ data }) => {
        const now_ms = wallNow_ms();
        const { type, order } = JSON.parse(String(data)) as Message;
        if (type === "snapshot") {
          clearTimeout(timer);
          resolve();
        } else if (order && order.status !== "pending" && !this.decidedAt_ms.has(order.id)) {
          this.decidedAt_ms.set(order.id, now_ms);
          this.#heard(order.id);
        }
      });
    });
  }

  /** Resolves when `isEnough` says so, which is asked after every outcome; or rejects. */
  until(isEnough: () => boolean, timeout_ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (isEnough()) return resolve();
      const timer = setTimeout(() => reject(new Error("outcomes were not pushed")), timeout_ms);
      this.#heard = () => {
        if (!isEnough()) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}
