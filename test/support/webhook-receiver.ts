import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

export interface Received {
  id: string;
  at_ms: number;
  text: string;
  body: { type: string; timestamp: string; data: Record<string, unknown> };
  headers: Record<string, string>;
}

export interface Reaction {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** How it answers an event; null: never. */
type Behaviour = (event: Received) => Reaction | null | Promise<Reaction | null>;

/** An endpoint of a shop, which verifies as the library of Standard Webhooks does. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  secret = "";
  behaviour: Behaviour = () => ({ status: 204 });
  readonly #server = createServer((request, response) => void this.#take(request, response));

  async open(): Promise<string> {
    await once(this.#server.listen(0), "listening");
    return `http://localhost:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Throws unless the event is signed with this secret, now. */
  static verify({ text, headers }: Received, secret: string): void {
    new Webhook(secret).verify(text, headers);
  }

  /** The events of a subject, each once, as they first came. */
  of(orderId: string): Received[] {
    const own = this.received.filter(({ body }) => body.data.id === orderId);
    return own.filter(({ id }, i) => own.findIndex((other) => other.id === id) === i);
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    await once(request, "end");
    const headers = request.headers as Record<string, string>;
    const event: Received = {
      id: headers["webhook-id"] ?? "",
      at_ms: Date.now(),
      text,
      body: JSON.parse(text) as Received["body"],
      headers,
    };
    this.received.push(event);
    const reaction = await this.behaviour(event);
    if (reaction === null) return;
    response.writeHead(reaction.status, reaction.headers).end(reaction.body);
  }
}
