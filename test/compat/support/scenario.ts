import { Client } from "./client.ts";
import { SECOND_MS } from "./settings.ts";
import type { World } from "./world.ts";

/**
 * A day of a shop, in which everything crosses at least once: every message of both queues, every
 * call of a Worker or an object, every form of what is stored. `npm run compat` records it for a
 * version; the tests run it with today's code.
 */

/** After this long without news of an item the door lets its orders pass. */
const STALE_MS = 100 * SECOND_MS;

/** Outcomes of what is on both queues. */
async function settle(world: World): Promise<void> {
  world.now_ms += SECOND_MS;
  await world.deliver("order-events");
  await world.deliver("stock-events");
  await world.deliver("order-events-dlq");
}

interface Cast {
  operator: Client;
  ada: Client;
  bob: Client;
  shop: Client;
}

async function castOf(world: World): Promise<Cast> {
  return {
    operator: await Client.of(world, "olga", "operator"),
    ada: await Client.of(world, "ada"),
    bob: await Client.of(world, "bob"),
    shop: await Client.of(world, "shop", "orders:create"),
  };
}

/** All of it, from an empty database on. Some orders are left where they stand in the middle. */
export async function day(world: World): Promise<void> {
  const cast = await castOf(world);
  await opening(cast);
  await throughTheQueue(world, cast);
  await throughTheLane(world, cast);
  await refusals(cast);
  await troubles(world, cast);
  await reading(world, cast);
  await closing(world, cast);
}

/** What version 0.1.0 did not have, apart from its day: no step of that day may be moved by it. */
export async function dayOfMoney(world: World): Promise<void> {
  const cast = await castOf(world);
  const { operator } = cast;
  const price = { amount: 1_500, currency: "EUR" };
  await operator.call("PUT", "/v1/items/BOOK", { name: "Book", price });
  await restock(operator, "BOOK", 5, "book-1");
  const sold = await cast.shop.order({ BOOK: 2 }, { customerId: "eve", prefer: "wait=5" });
  const payment = { orderId: sold, amount: 3_000, currency: "EUR" };
  await operator.call("POST", "/v1/payments", { reference: "pay-1", ...payment });
  await operator.call("POST", "/v1/payments", { reference: "pay-2", ...payment });
  await settle(world);
  const returned = { lines: [{ sku: "BOOK", quantity: 1 }], restock: true, reason: "torn" };
  await operator.call("POST", `/v1/orders/${sold}/returns`, returned, { key: "return-1" });
  await cron(world, 60 * SECOND_MS);
  await operator.call("DELETE", "/v1/customers/eve");
}

async function opening({ operator, ada }: Cast): Promise<void> {
  const price = { amount: 1_500, currency: "EUR" };
  const limited = { name: "Poster", price, limitPerCustomer: 3 };
  const sale = { saleStartsAt: "2026-03-01T00:00:00Z", saleEndsAt: "2026-04-01T00:00:00Z" };
  await operator.call("PUT", "/v1/items/POSTER", { ...limited, ...sale });
  await operator.call("PUT", "/v1/items/RECORD", { name: "Record", price });
  const early = { saleStartsAt: "2026-06-01T00:00:00Z" };
  await operator.call("PUT", "/v1/items/SUMMER", { name: "Summer", price, ...early });
  const dollars = { amount: 1_500, currency: "USD" };
  await operator.call("PUT", "/v1/items/ABROAD", { name: "Abroad", price: dollars });
  await operator.call("PUT", "/v1/items/GIFT", { name: "Gift", price: { ...price, amount: 0 } });
  await restock(operator, "POSTER", 9, "poster-1");
  await restock(operator, "RECORD", 5, "record-1");
  await restock(operator, "GIFT", 2, "gift-1");
  await restock(operator, "RECORD", -1, "record-2");
  // Refused: the refusal is kept as well.
  await restock(operator, "RECORD", -50, "record-3");
  await restock(operator, "RECORD", 5, "record-1");
  await ada.listen();
}

const restock = (operator: Client, sku: string, delta: number, key: string) =>
  operator.call("POST", `/v1/items/${sku}/stock`, { delta, reason: "counted" }, { key });

async function throughTheQueue(world: World, { operator, ada, bob }: Cast): Promise<void> {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const paid = await ada.order({ POSTER: 2, RECORD: 1 }, { key: "ada-1", traceparent });
  await settle(world);
  await operator.call("POST", `/v1/orders/${paid}/pay`);
  await settle(world);
  world.now_ms += STALE_MS;
  await bob.order({ RECORD: 30, POSTER: 1 });
  await settle(world);
  await ada.order({ POSTER: 2 });
  await settle(world);
  const cancelled = await bob.order({ POSTER: 1, GIFT: 1 });
  await settle(world);
  await bob.call("POST", `/v1/orders/${cancelled}/cancel`);
  await settle(world);
  await bob.order({ GIFT: 1 });
  await settle(world);
}

async function throughTheLane(world: World, { ada, bob, shop }: Cast): Promise<void> {
  const prefer = "wait=5";
  await bob.order({ POSTER: 1 }, { prefer, key: "bob-1" });
  world.now_ms += STALE_MS;
  await bob.order({ RECORD: 99, POSTER: 1 }, { prefer });
  await ada.order({ POSTER: 2, RECORD: 1 }, { prefer, key: "ada-1" });
  await shop.order({ POSTER: 1 }, { customerId: "eve", key: "shop-1" });
  // Its message is lost: reconcile asks over the lane, and rereads the levels.
  world.take("order-events");
  await cron(world, 60 * SECOND_MS);
}

async function cron(world: World, after_ms: number): Promise<void> {
  world.now_ms += after_ms;
  await world.orders.module.default.scheduled({}, world.orders.env);
  await world.quiet();
}

/** At the door: nothing is placed. */
async function refusals({ ada, bob }: Cast): Promise<void> {
  await bob.order({ POSTER: 999 });
  await bob.order({ NOWHERE: 1 });
  await bob.order({ SUMMER: 1 });
  await bob.order({ RECORD: 1, ABROAD: 1 });
  await ada.order({ GIFT: 1 }, { key: "ada-1" });
}

async function troubles(world: World, { bob }: Cast): Promise<void> {
  await bob.order({ POSTER: 1 });
  await bob.order({ RECORD: 1 });
  await bob.order({ RECORD: 1 });
  // One message with all three; an item is away, so that its two orders are sent again together.
  const events = world.take("order-events") as { id: string; at: string }[];
  const { id, at } = events[0]!;
  const packed = { type: "batch", version: 1, id: `batch:${id}`, at, attempts: 1, events };
  world.away = "RECORD";
  await world.deliver("order-events", [packed]);
  world.away = "";
  await settle(world);
  await world.deliver("order-events", [{ type: "order.forgotten", version: 9 }]);
  await world.deliver("stock-events", ["no event"]);
  await settle(world);
  // A commit of what was never locked is a breach, and never acknowledged.
  const stranger = { ...events[0]!, type: "order.paid", id: "order.paid:stranger" };
  const orderId = "019cb0f4-0000-7000-8000-000000000000";
  await world.deliver("order-events", [{ ...stranger, orderId }]);
}

async function reading(world: World, { operator, ada }: Cast): Promise<void> {
  await operator.call("GET", "/v1/items/POSTER/stock");
  await operator.call("GET", "/v1/items/POSTER/ledger?limit=3");
  await operator.call("POST", "/v1/operations/reconcile", {});
  const cursor = btoa(JSON.stringify({ phase: "locks", sku: "", after: "" }));
  await operator.call("POST", "/v1/operations/reconcile", { cursor });
  await ada.call("GET", "/v1/orders");
  await operator.call("GET", "/v1/dead-letters");
  world.now_ms += 2 * SECOND_MS;
  await world.object("ITEM", "POSTER").alarm!();
}

/** Payment windows end; then what is under way when the version changes: pending, confirmed, and a release that is awaited. */
async function closing(world: World, { ada, bob }: Cast): Promise<void> {
  await cron(world, 1_200 * SECOND_MS);
  await bob.order({ POSTER: 1 }, { key: "bob-open" });
  world.take("order-events");
  const left = await ada.order({ RECORD: 1 }, { prefer: "wait=5", key: "ada-left" });
  await ada.call("POST", `/v1/orders/${left}/cancel`);
  world.take("order-events");
}

/** Goes on with what `day` left, on what another version has stored. */
export async function nextDay(world: World): Promise<Record<string, unknown>> {
  const { operator, ada, bob } = await castOf(world);
  await cron(world, 60 * SECOND_MS);
  const open = await bob.order({ POSTER: 1 }, { key: "bob-open" });
  const answers = {
    pay: await operator.call("POST", `/v1/orders/${open}/pay`),
    adjustAgain: await restock(operator, "RECORD", 5, "record-1"),
    refusedAgain: await restock(operator, "RECORD", -50, "record-3"),
    otherAdjustment: await restock(operator, "RECORD", 6, "record-1"),
    keyReused: await ada.call(
      "POST",
      "/v1/orders",
      { lines: [{ sku: "GIFT", quantity: 1 }] },
      { key: "ada-1" },
    ),
  };
  await settle(world);
  const operations = await operator.call("GET", "/v1/operations");
  const { unsettled } = operations.body as { unsettled: { count: number } };
  return {
    ...answers,
    unsettled: unsettled.count,
    differences: await operator.call("POST", "/v1/operations/reconcile", {}),
    ledger: await operator.call("GET", "/v1/items/POSTER/ledger?limit=100"),
    letters: await operator.call("GET", "/v1/dead-letters"),
    adas: await ada.call("GET", "/v1/orders"),
    bobs: await bob.call("GET", "/v1/orders"),
  };
}
