import { DurableObject } from "cloudflare:workers";

/**
 * Baseline: the textbook version with Queues, message by message, at the documented default batch
 * settings (10 messages or 5 s). The order is inserted and sent; a consumer asks the item's object
 * and sends a reply; another consumer writes the outcome. Each message is acknowledged by itself
 * after its work is done.
 *
 * It is favoured: no token is checked, nothing is validated, there are no idempotency keys, both
 * consumers live in one Worker, and a message that is delivered twice takes stock twice.
 */

interface Env {
  DB: D1Database;
  ITEM: DurableObjectNamespace<Item>;
  ORDERS: Queue<Placed>;
  REPLIES: Queue<Reply>;
}

interface Line {
  sku: string;
  quantity: number;
}

interface Placed {
  id: string;
  lines: Line[];
}

interface Reply {
  id: string;
  isLocked: boolean;
}

/** One SKU's stock. */
export class Item extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS stock (one INTEGER PRIMARY KEY, available INTEGER NOT NULL)",
    );
  }

  receive(units: number): void {
    this.ctx.storage.sql.exec("INSERT OR REPLACE INTO stock VALUES (1, ?)", units);
  }

  take(quantity: number): boolean {
    const taken = this.ctx.storage.sql.exec(
      "UPDATE stock SET available = available - ?1 WHERE available >= ?1 RETURNING available",
      quantity,
    );
    return taken.toArray().length === 1;
  }

  giveBack(quantity: number): void {
    this.ctx.storage.sql.exec("UPDATE stock SET available = available + ?", quantity);
  }
}

export default {
  async fetch(request, env): Promise<Response> {
    const url = new URL(request.url);
    if (request.method === "PUT") return putItem(env, url, await request.json());

    const { lines } = await request.json<{ lines: Line[] }>();
    const customerId = request.headers.get("x-customer") ?? "";
    const id = crypto.randomUUID();
    const now_ms = Date.now();
    await env.DB.prepare("INSERT INTO orders VALUES (?, ?, 'pending', ?, ?, ?)")
      .bind(id, customerId, JSON.stringify(lines), now_ms, now_ms)
      .run();
    await env.ORDERS.send({ id, lines });
    return Response.json({ id, status: "pending", lines }, { status: 202 });
  },

  async queue(batch, env): Promise<void> {
    for (const message of batch.messages) {
      if (batch.queue === "orders") await decide(message.body as Placed, env);
      else await settle(message.body as Reply, env);
      message.ack();
    }
  },
} satisfies ExportedHandler<Env, Placed | Reply>;

/** Takes every line, or gives back what it took. */
async function decide({ id, lines }: Placed, env: Env): Promise<void> {
  const taken: Line[] = [];
  for (const line of lines) {
    if (await env.ITEM.getByName(line.sku).take(line.quantity)) taken.push(line);
    else break;
  }
  const isLocked = taken.length === lines.length;
  if (!isLocked) {
    for (const { sku, quantity } of taken) await env.ITEM.getByName(sku).giveBack(quantity);
  }
  await env.REPLIES.send({ id, isLocked });
}

async function settle({ id, isLocked }: Reply, env: Env): Promise<void> {
  const status = isLocked ? "confirmed" : "cancelled";
  await env.DB.prepare("UPDATE orders SET status = ?, updated_at = ? WHERE id = ?")
    .bind(status, Date.now(), id)
    .run();
}

/** `PUT /items/:sku {units}`, for the bench to fill the shop. */
async function putItem(env: Env, url: URL, { units }: { units: number }): Promise<Response> {
  await env.ITEM.getByName(url.pathname.split("/")[2] ?? "").receive(units);
  return Response.json({ units });
}
