/**
 * Baseline: what most people would write first. One D1 batch (one transaction) decides the order
 * from what is in stock, inserts it, and takes the units. All or nothing over the lines.
 *
 * It is favoured: no token is checked, nothing is validated, there are no idempotency keys, no
 * history, no index, no prices, and nobody is told. It never oversells.
 */

interface Env {
  DB: D1Database;
}

interface Line {
  sku: string;
  quantity: number;
}

/** `?4` the lines as JSON. Confirmed when every line is in stock. */
const INSERT = `
  INSERT INTO orders (id, customer_id, status, lines, placed_at, updated_at)
  SELECT ?1, ?2, CASE WHEN (
      SELECT count(*) FROM json_each(?4) AS l JOIN items AS i ON i.sku = l.value->>'sku'
      WHERE i.available >= l.value->>'quantity') = json_array_length(?4)
    THEN 'confirmed' ELSE 'cancelled' END, ?4, ?3, ?3
  RETURNING status`;

const TAKE = `
  UPDATE items SET available = available - l.quantity
  FROM (SELECT value->>'sku' AS sku, value->>'quantity' AS quantity FROM json_each(?2)) AS l
  WHERE items.sku = l.sku AND (SELECT status FROM orders WHERE id = ?1) = 'confirmed'`;

export default {
  async fetch(request, env): Promise<Response> {
    const url = new URL(request.url);
    if (request.method === "PUT") return putItem(env.DB, url, await request.json());
    if (request.method === "GET" && url.pathname.startsWith("/items")) return getItems(env.DB, url);
    if (request.method === "GET") return getOrder(env.DB, url);

    const { lines } = await request.json<{ lines: Line[] }>();
    const customerId = request.headers.get("x-customer") ?? "";
    const id = crypto.randomUUID();
    const json = JSON.stringify(lines);
    const [inserted] = await env.DB.batch<{ status: string }>([
      env.DB.prepare(INSERT).bind(id, customerId, Date.now(), json),
      env.DB.prepare(TAKE).bind(id, json),
    ]);
    const status = inserted?.results[0]?.status;
    return Response.json({ id, status, lines }, { status: status === "confirmed" ? 201 : 409 });
  },
} satisfies ExportedHandler<Env>;

/** `PUT /items/:sku {units}`, for the bench to fill the shop. */
async function putItem(db: D1Database, url: URL, { units }: { units: number }): Promise<Response> {
  const sku = url.pathname.split("/")[2];
  await db.prepare("INSERT INTO items VALUES (?, ?)").bind(sku, units).run();
  return Response.json({ sku, units });
}

/** `GET /items` and `GET /items/:sku`: a query for each who looks. */
async function getItems(db: D1Database, url: URL): Promise<Response> {
  const sku = url.pathname.split("/")[2];
  if (sku === undefined) {
    const { results } = await db.prepare("SELECT * FROM items ORDER BY sku LIMIT 20").all();
    return Response.json({ items: results });
  }
  const item = await db.prepare("SELECT * FROM items WHERE sku = ?").bind(sku).first();
  return Response.json(item, { status: item ? 200 : 404 });
}

/** `GET /v1/orders/:id`. */
async function getOrder(db: D1Database, url: URL): Promise<Response> {
  const id = url.pathname.split("/")[3];
  const order = await db.prepare("SELECT * FROM orders WHERE id = ?").bind(id).first();
  return Response.json(order, { status: order ? 200 : 404 });
}
