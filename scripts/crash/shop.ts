import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import type { ChangeView } from "../../src/orders/changes/change.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { type Ask, read } from "../lib/api-client.ts";
import type { Journal } from "./journal.ts";

/**
 * A shop that has to hear of every step of every order, in order: its backend follows the changes by
 * their cursor, and its endpoint is called by a webhook.
 */

/** The stack is back by then, and has delivered what was left. */
const HEARD_MS = 75_000;
const RETRY_MS = 300;
/** The endpoint takes up to so long, so that posts are under way when the stack dies. */
const SLOW_MS = 40;

export class Shop {
  /** The revisions of each order, as they came. */
  readonly #read = new Map<string, number[]>();
  readonly #posted = new Map<string, number[]>();
  /** What was posted with each id. */
  readonly #bodies = new Map<string, string>();
  readonly #operator: Ask;
  readonly #journal: Journal;
  readonly #server = createServer((request, response) => void this.#take(request, response));
  #secret = "";
  #isDone = false;
  /** Posts that came again. */
  repeated = 0;

  constructor(operator: Ask, journal: Journal) {
    this.#operator = operator;
    this.#journal = journal;
  }

  async open(): Promise<void> {
    await once(this.#server.listen(0), "listening");
    const url = `http://localhost:${(this.#server.address() as AddressInfo).port}/`;
    const made = await this.#operator<{ secret: string }>("POST", "/v1/webhooks", {
      body: { url },
    });
    if (made.status !== 201) throw new Error(`the webhook: ${made.status}`);
    this.#secret = made.body.secret;
    void this.#follow();
  }

  close(): void {
    this.#isDone = true;
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Both have heard of every step of these orders, once and in order. */
  async check(orders: readonly OrderView[]): Promise<void> {
    const deadline = Date.now() + HEARD_MS;
    for (const [how, heard] of [
      ["read", this.#read],
      ["posted", this.#posted],
    ] as const) {
      for (const { id, revision } of orders) {
        const isHeard = () => heard.get(id)?.at(-1) === revision;
        while (!isHeard() && Date.now() < deadline) await sleep(100);
        const steps = heard.get(id)?.join() ?? "";
        const expected = Array.from({ length: revision }, (_, i) => i + 1).join();
        if (steps !== expected) {
          this.#journal.violation(`order ${id} at revision ${revision}: ${how} as ${steps}`);
        }
      }
    }
  }

  async #follow(): Promise<void> {
    let after: string | null = null;
    while (!this.#isDone) {
      const query: string = after === null ? "" : `?after=${after}`;
      try {
        const page: { changes: ChangeView[]; nextCursor: string } = await read(
          this.#operator,
          `/v1/changes${query}`,
        );
        after = page.nextCursor;
        for (const change of page.changes) {
          if ("order" in change) keep(this.#read, change.orderId, change.revision);
        }
        if (page.changes.length > 0) continue;
      } catch {
        // The stack is away. The cursor is where it was.
      }
      await sleep(RETRY_MS);
    }
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    await once(request, "end");
    await sleep(Math.random() * SLOW_MS);
    const id = String(request.headers["webhook-id"]);
    try {
      new Webhook(this.#secret).verify(text, request.headers as Record<string, string>);
    } catch (error) {
      this.#journal.violation(`event ${id}: ${String(error)}`);
    }
    const before = this.#bodies.get(id);
    if (before === undefined) {
      this.#bodies.set(id, text);
      const { type, data } = JSON.parse(text) as {
        type: string;
        data: { id: string; revision: number };
      };
      if (type.startsWith("order.")) keep(this.#posted, data.id, data.revision);
    } else {
      this.repeated++;
      if (before !== text) this.#journal.violation(`event ${id} came again with another body`);
    }
    response.writeHead(204).end();
  }
}

function keep(heard: Map<string, number[]>, id: string, revision: number): void {
  heard.set(id, [...(heard.get(id) ?? []), revision]);
}
