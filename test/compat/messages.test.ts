import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { DeadLetterSchema } from "../../src/contract/dead-letter.ts";
import { unpack } from "../../src/contract/envelope.ts";
import { OrderEventSchema } from "../../src/contract/order-events.ts";
import { StockEventSchema } from "../../src/contract/stock-events.ts";
import { lost } from "./support/covers.ts";
import { unintended } from "./support/intended.ts";
import { day } from "./support/scenario.ts";
import { type Golden, golden, versions } from "./support/versions.ts";
import { World } from "./support/world.ts";

const TODAY = {
  "order-events": OrderEventSchema,
  "stock-events": StockEventSchema,
  "order-events-dlq": DeadLetterSchema,
} as const;
const QUEUES = Object.keys(TODAY) as (keyof typeof TODAY)[];

interface Event {
  id: string;
  type: string;
}

/** What these messages carry, one by one. */
const eventsOf = (bodies: unknown[] = []): Event[] =>
  bodies.flatMap((body) => unpack(body).events as Event[]);

const typesIn = (all: Record<string, unknown[]>) =>
  QUEUES.map((queue) => [...new Set(eventsOf(all[queue]).map(({ type }) => type))].toSorted());

/** Throws with what is wrong unless the version accepts the message. */
function acceptor({ schemas: released }: Pick<Golden, "schemas">) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const check = Object.fromEntries(
    Object.entries(released).map(([name, schema]) => [name, ajv.compile(schema)]),
  );
  return (name: string, value: unknown): string[] =>
    check[name]!(value)
      ? []
      : check[name]!.errors!.map((e) => `${name}${e.instancePath} ${e.message}`);
}

let today: World;
beforeAll(async () => {
  today = await World.open();
  await day(today);
});

/** Never on a queue: a stock Worker that does not know them refuses the call, which is repeated. */
const LANE_ONLY = new Set<string>(["order.returned", "stock.returned", "stock.breached"]);

test("the day sends every type of event that queues carry", () => {
  const types = [OrderEventSchema, StockEventSchema].map((schema) =>
    schema.options
      .map(({ entries }) => entries.type.literal)
      .filter((type) => !LANE_ONLY.has(type))
      .toSorted(),
  );
  expect(typesIn(today.sent)).toEqual([...types, ["dead-letter"]]);
});

describe.each(versions())("version %s", (version) => {
  const released = golden(version);
  const accepts = acceptor(released);

  test.each(QUEUES)("what it sent to %s is read as it was meant", (queue) => {
    const events = eventsOf(released.messages[queue]);
    expect(events.length).toBeGreaterThan(0);
    const missed = events.flatMap((event) =>
      lost(event, v.parse<v.GenericSchema>(TODAY[queue], event), event.id),
    );
    expect(unintended(version, missed)).toEqual([]);
  });

  test.each(QUEUES)("it accepts what is sent to %s now", (queue) => {
    const bodies = today.sent[queue] ?? [];
    const refused = bodies.flatMap((body) => {
      const isPacked = (body as Event).type === "batch";
      const events = eventsOf([body]).flatMap((event) => accepts(queue, event));
      return [...(isPacked ? accepts("batch", body) : []), ...events];
    });
    expect(refused).toEqual([]);
  });

  test.each([...QUEUES, "feed"])("what it found in a message of %s is still in it", (queue) => {
    const sent = new Map((today.sent[queue] ?? []).map((body) => [nameOf(body), body]));
    const all = released.messages[queue] ?? [];
    expect(all.length).toBeGreaterThan(0);
    const missed = all.flatMap((body) => lost(body, sent.get(nameOf(body)), nameOf(body)));
    expect(unintended(version, missed)).toEqual([]);
  });

  test("an event that it does not know, or lacks something of, is refused by its schemas", () => {
    const [event] = eventsOf(released.messages["order-events"]);
    const { id: _, ...nameless } = event!;
    expect(accepts("order-events", event)).toEqual([]);
    expect(accepts("order-events", nameless)).not.toEqual([]);
    expect(accepts("order-events", { ...event, type: "order.parked" })).not.toEqual([]);
  });
});

/** A feed's messages have no ids: a revision of an order is told alike each time. */
function nameOf(body: unknown): string {
  const { id, order } = body as { id?: string; order?: { id: string; revision: number } };
  return id ?? (order ? `${order.id} ${order.revision}` : "snapshot");
}
