import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { OrderView } from "../../src/orders/order/order.ts";
import type { Ask } from "../lib/api-client.ts";
import type { Random } from "../lib/random.ts";
import type { Journal } from "./journal.ts";

export interface Customer {
  id: string;
  ask: Ask;
}

export interface Load {
  operator: Ask;
  customers: readonly Customer[];
  skus: readonly string[];
  journal: Journal;
  random: Random;
}

const PAUSE_MS = 25;
const REPEAT_MS = 250;
/** A repeated call gives up after this long: by then the stack is back. */
const PATIENCE_MS = 120_000;

/** Mixed operations by everybody at once, until `isOver`; whoever repeats a call ends it first. */
export async function run(load: Load, isOver: () => boolean): Promise<void> {
  await Promise.all(
    load.customers.map(async (customer) => {
      while (!isOver()) {
        await operation(load, customer).catch(() => {
          load.journal.failures++;
          return sleep(REPEAT_MS);
        });
        await sleep(PAUSE_MS);
      }
    }),
  );
}

function operation(load: Load, customer: Customer): Promise<void> {
  const dice = load.random.next();
  if (dice < 0.45) return place(load, customer, randomUUID());
  if (dice < 0.6) return place(load, customer, null);
  if (dice < 0.75) return change(load, customer, "cancel");
  if (dice < 0.88) return change(load, customer, "pay");
  if (dice < 0.93) return adjust(load);
  return look(load, customer);
}

type Placed = OrderView & { code?: string; order?: OrderView };

/** With a key it is repeated until there is an answer; without one nobody may do that. */
async function place(load: Load, customer: Customer, key: string | null): Promise<void> {
  const { journal, random } = load;
  const skus = random.shuffle([...load.skus]).slice(0, random.chance(0.3) ? 2 : 1);
  const lines = skus.map((sku) => ({ sku, quantity: random.int(1, 2) }));
  const headers = {
    ...(key !== null && { "idempotency-key": key }),
    ...(random.chance(0.4) && { prefer: `wait=${random.int(1, 3)}` }),
  };
  const call = () => customer.ask<Placed>("POST", "/v1/orders", { body: { lines }, headers });
  if (key === null) {
    journal.unheard++; // until it is answered
    const { status, body } = await call();
    if (status >= 500) throw new Error(`${status}`);
    journal.unheard--;
    return hear(load, customer, status, body, key);
  }
  const { status, body } = await repeated(load, call);
  hear(load, customer, status, body, key);
  if (!random.chance(0.2)) return;
  const again = await repeated(load, call);
  hear(load, customer, again.status, again.body, key);
}

function hear(
  { journal }: Load,
  { id }: Customer,
  status: number,
  body: Placed,
  key: string | null,
): void {
  if (status >= 200 && status < 300) {
    journal.accept(id, body, key);
    journal.count("placed");
  } else if (status === 409) {
    // With an order it was placed and refused; without one it was refused at the door.
    if (body.order) journal.accept(id, body.order, key);
    else if (key !== null && journal.byKey.has(key)) {
      journal.violation(`key ${key}: an order, then a refusal at the door`);
    }
    journal.count("refused");
  } else journal.violation(`placing answered ${status} ${JSON.stringify(body)}`);
}

async function change(load: Load, customer: Customer, what: "cancel" | "pay"): Promise<void> {
  const { journal, random } = load;
  const own = [...journal.placed].filter(([, owner]) => owner === customer.id).slice(-10);
  if (own.length === 0) return;
  const [id] = random.pick(own);
  const by = what === "pay" ? load.operator : customer.ask;
  const { status, body } = await by<Placed>("POST", `/v1/orders/${id}/${what}`);
  if (status === 200) {
    journal.tell(body);
    journal.count(what);
    const told = what === "pay" ? journal.paid : journal.cancelled;
    told.add(id);
  } else if (status === 409) journal.count(`${what} refused`);
  else if (status >= 500) throw new Error(`${status}`);
  else journal.violation(`${what} of ${id} answered ${status} ${JSON.stringify(body)}`);
}

/** Repeated with its key until it is acknowledged, so that the sum is known. */
async function adjust(load: Load): Promise<void> {
  const { journal, random } = load;
  const sku = random.pick(load.skus);
  const delta = random.chance(0.8) ? random.int(1, 8) : -random.int(1, 3);
  const headers = { "idempotency-key": randomUUID() };
  const { status, body } = await repeated(load, () =>
    load.operator("POST", `/v1/items/${sku}/stock`, { body: { delta, reason: "crash" }, headers }),
  );
  if (status === 200) {
    journal.adjusted.set(sku, (journal.adjusted.get(sku) ?? 0) + delta);
    journal.count("adjusted");
  } else if (status === 409) journal.count("adjust refused");
  else journal.violation(`adjusting answered ${status} ${JSON.stringify(body)}`);
}

async function look({ journal }: Load, { ask }: Customer): Promise<void> {
  const { status, body } = await ask<{ orders: OrderView[] }>("GET", "/v1/orders?limit=20");
  if (status !== 200) throw new Error(`${status}`);
  for (const order of body.orders) journal.tell(order);
  journal.count("looked");
}

async function repeated<T extends { status: number }>(
  { journal }: Load,
  call: () => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await call().catch(() => undefined);
    if (answer && answer.status < 500 && answer.status !== 429) return answer;
    journal.failures++;
    if (Date.now() > deadline) throw new Error(`no answer but ${answer?.status}`);
    await sleep(REPEAT_MS);
  }
}
