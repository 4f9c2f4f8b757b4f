import type { ItemReply, ItemAnswer, ItemCommand } from "./item/rules.ts";
import pMap from "p-map";
import { failedWith, POSTPONED, type Undecided } from "../runtime/queue-consumer.ts";
import { errorText } from "../runtime/log.ts";
import { withTimeout } from "../runtime/timeout.ts";
import type { OrderEvent, OrderPlaced } from "../contract/order-events.ts";
import {
  type Shortage,
  type StockEvent,
  stockLevel,
  stockOutcome,
  stockRefused,
  type VersionedLevel,
} from "../contract/stock-events.ts";

/** How the coordinator reaches an item. One call is one transaction there. */
export type CallItem = (sku: string, commands: ItemCommand[]) => Promise<ItemReply>;

export interface CoordinatorResult {
  /** Outcomes of decided orders, and the levels that the items told. */
  outcomes: StockEvent[];
  /** What has to come again: an item did not answer, or answered with a breach, or it was too much. */
  undecided: Undecided<OrderEvent>;
}

/**
 * SKUs one run touches. With the compensation round and the sends it stays far below the 10,000
 * subrequests that an invocation may make (Workers limits); the rest is postponed.
 */
export const MAX_SKUS_PER_RUN = 450;
/** Item calls under way at the same time. */
const CONCURRENCY = 24;
/** One item that hangs must not cost the outcomes of all others. */
const ITEM_TIMEOUT_MS = 3_000;
/** A whole run, unless its caller wants to hear sooner. */
export const RUN_TIMEOUT_MS = 12_000;

/**
 * Brings order events to their items: one call per SKU for all events together, all or nothing for
 * each order. Only a recorded refusal starts compensation; an error or a time-out never does, so
 * that two coordinators of one order (queue and lane) always come to the same outcome.
 */
export async function coordinate(
  events: readonly OrderEvent[],
  callItem: CallItem,
  { now_ms, within_ms = RUN_TIMEOUT_MS }: { now_ms: number; within_ms?: number },
): Promise<CoordinatorResult> {
  const run = new Run(callItem, Date.now() + within_ms);
  const { admitted, postponed } = admit(events);
  const undecided: Undecided<OrderEvent> = new Map(postponed.map((event) => [event, POSTPONED]));
  await run.send(
    admitted.flatMap((event) => event.lines.map((line) => [line.sku, commandFor(event, line)])),
  );
  const refused = admitted.filter((event) => isPlaced(event) && run.isRefused(event));
  await run.send(refused.flatMap((event) => run.compensation(event)));

  const outcomes: StockEvent[] = [];
  for (const event of admitted) {
    const conclusion = run.outcomeOf(event, now_ms);
    if (typeof conclusion === "string") undecided.set(event, failedWith(conclusion));
    else outcomes.push(conclusion);
  }
  outcomes.push(...run.levels().map((level) => stockLevel(level)));
  return { outcomes, undecided };
}

/** Takes events as long as their SKUs are few enough; the first one always, so that each run decides. */
function admit(events: readonly OrderEvent[]) {
  const skus = new Set<string>();
  const admitted: OrderEvent[] = [];
  const postponed: OrderEvent[] = [];
  for (const event of events) {
    const more = event.lines.filter((line) => !skus.has(line.sku));
    if (admitted.length > 0 && skus.size + more.length > MAX_SKUS_PER_RUN) {
      postponed.push(event);
      continue;
    }
    for (const line of more) skus.add(line.sku);
    admitted.push(event);
  }
  return { admitted, postponed };
}

function commandFor(event: OrderEvent, line: OrderEvent["lines"][number]): ItemCommand {
  const { orderId } = event;
  switch (event.type) {
    case "order.placed": {
      const { quantity, limitPerCustomer: limit = null } = line;
      return { type: "lock", orderId, customerId: event.customerId, quantity, limit };
    }
    case "order.cancelled":
      return { type: "release", orderId };
    case "order.paid":
      return { type: "commit", orderId };
  }
}

const isRefused = (answer: ItemAnswer | undefined) => answer?.type === "refused";
const isPlaced = (event: OrderEvent): event is OrderPlaced => event.type === "order.placed";
const keyOf = (sku: string, { type, orderId }: Pick<ItemCommand, "type" | "orderId">): string =>
  `${type} ${orderId} ${sku}`;

/** The answers of one run, by command. */
class Run {
  readonly #answers = new Map<string, ItemAnswer>();
  readonly #errors = new Map<string, string>();
  readonly #levels = new Map<string, VersionedLevel>();
  readonly #callItem: CallItem;

  readonly #deadline_ms: number;

  constructor(callItem: CallItem, deadline_ms: number) {
    this.#callItem = callItem;
    this.#deadline_ms = deadline_ms;
  }

  async send(commands: [string, ItemCommand][]): Promise<void> {
    // Keyed, so that a duplicate inside the batch is asked once.
    const bySku = new Map<string, Map<string, ItemCommand>>();
    for (const [sku, command] of commands) {
      const group = bySku.get(sku) ?? new Map<string, ItemCommand>();
      bySku.set(sku, group.set(keyOf(sku, command), command));
    }
    await pMap(bySku, ([sku, group]) => this.#askItem(sku, group), { concurrency: CONCURRENCY });
  }

  async #askItem(sku: string, group: Map<string, ItemCommand>): Promise<void> {
    try {
      const left_ms = Math.max(0, this.#deadline_ms - Date.now());
      const { answers, level } = await withTimeout(
        Math.min(ITEM_TIMEOUT_MS, left_ms),
        () => this.#callItem(sku, [...group.values()]),
        `stock item ${sku}`,
      );
      for (const [i, key] of [...group.keys()].entries()) {
        const answer = answers[i];
        if (answer) this.#answers.set(key, answer);
      }
      if (level) this.#levels.set(sku, level);
    } catch (error) {
      this.#errors.set(sku, errorText(error));
    }
  }

  levels(): VersionedLevel[] {
    return [...this.#levels.values()];
  }

  /** Whether an item has recorded a refusal of this placed order. */
  isRefused({ orderId, lines }: OrderPlaced): boolean {
    return lines.some(({ sku }) => isRefused(this.#answer(sku, "lock", orderId)));
  }

  /** A refusal that only the release brought to light (its lock had failed) counts as well. */
  #shortages({ orderId, lines }: OrderPlaced): Shortage[] {
    return lines.flatMap(({ sku }) => {
      for (const type of ["lock", "release"] as const) {
        const answer = this.#answer(sku, type, orderId);
        if (answer && "shortage" in answer && answer.shortage) return [{ sku, ...answer.shortage }];
      }
      return [];
    });
  }

  #answer(sku: string, type: ItemCommand["type"], orderId: string): ItemAnswer | undefined {
    return this.#answers.get(keyOf(sku, { type, orderId }));
  }

  /** Releases every line that was not itself refused, answered or not. */
  compensation({ orderId, lines }: OrderEvent): [string, ItemCommand][] {
    return lines
      .filter(({ sku }) => !isRefused(this.#answer(sku, "lock", orderId)))
      .map(({ sku }) => [sku, { type: "release", orderId }]);
  }

  /** The order's outcome, or why there is none yet. */
  outcomeOf(event: OrderEvent, now_ms: number): StockEvent | string {
    const { orderId, lines } = event;
    switch (event.type) {
      case "order.cancelled":
        return (
          this.#missing(lines, "release", "released", orderId) ??
          stockOutcome("stock.released", orderId, now_ms)
        );
      case "order.paid":
        return (
          this.#missing(lines, "commit", "committed", orderId) ??
          stockOutcome("stock.committed", orderId, now_ms)
        );
      case "order.placed": {
        if (!this.isRefused(event)) {
          return (
            this.#missing(lines, "lock", "locked", orderId) ??
            stockOutcome("stock.locked", orderId, now_ms)
          );
        }
        const owed = this.compensation(event).map(([sku]) => ({ sku }));
        return (
          this.#missing(owed, "release", "released", orderId) ??
          stockRefused(orderId, this.#shortages(event), now_ms)
        );
      }
    }
  }

  /** Why not every line has the wanted answer; undefined when all have. */
  #missing(
    lines: readonly { sku: string }[],
    type: ItemCommand["type"],
    wanted: ItemAnswer["type"],
    orderId: string,
  ): string | undefined {
    for (const { sku } of lines) {
      const answer = this.#answer(sku, type, orderId);
      if (answer?.type === wanted) continue;
      if (answer?.type === "breach") return `breach at ${sku}: ${answer.detail}`;
      return this.#errors.get(sku) ?? `no answer from ${sku}`;
    }
    return undefined;
  }
}
