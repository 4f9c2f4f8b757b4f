import pMap from "p-map";
import type { OrderEvent, OrderPlaced, OrderReturned } from "../contract/order-events.ts";
import {
  type SentShortage,
  type StockEvent,
  type StockOutcome,
  stockBreached,
  stockLevel,
  stockOutcome,
  stockRefused,
  stockReturned,
  type VersionedLevel,
} from "../contract/stock-events.ts";
import { traceIdOf } from "../contract/trace.ts";
import { errorText } from "../runtime/log.ts";
import { failedWith, POSTPONED, type Undecided } from "../runtime/queue-consumer.ts";
import { withTimeout } from "../runtime/timeout.ts";
import { keptOf } from "./item/decision.ts";
import type { ItemReply, ItemAnswer, ItemCommand } from "./item/rules.ts";

/** Calls an item. The item handles the commands of one call in one transaction. */
export type CallItem = (
  sku: string,
  commands: ItemCommand[],
  /** Of the orders of the commands, one each. */
  traceIds?: string[],
) => Promise<ItemReply>;

export interface CoordinatorResult {
  /** Outcomes of decided orders, and the levels that the items reported. */
  outcomes: StockEvent[];
  /** Events to repeat: an item did not answer or answered with a breach, or the run had no room. */
  undecided: Undecided<OrderEvent>;
  /** Says of some of the undecided events that an item has decided otherwise. */
  breached: StockEvent[];
}

/**
 * SKUs of one run; the events beyond are postponed. Together with the compensation round and the
 * sends, a run stays far below the 10,000 subrequests of an invocation (Workers limits).
 */
export const MAX_SKUS_PER_RUN = 450;
/** Concurrent item calls. */
const CONCURRENCY = 24;
/** Limit of one item call, so that a hanging item does not delay the outcomes of the others. */
const ITEM_TIMEOUT_MS = 3_000;
/** Time limit of a whole run, unless the caller sets a shorter one. */
export const RUN_TIMEOUT_MS = 12_000;

/**
 * Sends the commands of order events to their items, with one call per SKU for all events, and
 * decides each order as a whole: all lines or none. Only a recorded refusal starts compensation. An
 * error or a timeout never does, so that two coordinators of one order (queue and lane) always reach
 * the same outcome.
 */
export async function coordinate(
  events: readonly OrderEvent[],
  callItem: CallItem,
  { now_ms, within_ms = RUN_TIMEOUT_MS }: { now_ms: number; within_ms?: number },
): Promise<CoordinatorResult> {
  const { admitted, postponed } = admit(events);
  const run = new Run(callItem, admitted, Date.now() + within_ms);
  const undecided: Undecided<OrderEvent> = new Map(postponed.map((event) => [event, POSTPONED]));
  await run.send(
    admitted.flatMap((event) => event.lines.map((line) => [line.sku, commandFor(event, line)])),
  );
  const refused = admitted.filter((event) => isPlaced(event) && run.isRefused(event));
  await run.send(refused.flatMap((event) => run.compensation(event)));

  const outcomes: StockEvent[] = [];
  const breached: StockEvent[] = [];
  for (const event of admitted) {
    const outcome = run.outcomeOf(event, now_ms);
    const trace = event.traceId === undefined ? {} : { traceId: event.traceId };
    if (typeof outcome !== "string") outcomes.push({ ...outcome, ...trace });
    else {
      undecided.set(event, failedWith(outcome));
      if (run.isBreached(event)) {
        breached.push({ ...stockBreached(event, outcome, now_ms), ...trace });
      }
    }
  }
  outcomes.push(...run.levels().map((level) => stockLevel(level)));
  return { outcomes, undecided, breached };
}

/** Admits events while their SKUs fit into the run, and always the first, so that a run progresses. */
function admit(events: readonly OrderEvent[]) {
  const skus = new Set<string>();
  const admitted: OrderEvent[] = [];
  const postponed: OrderEvent[] = [];
  for (const event of events) {
    const newLines = event.lines.filter((line) => !skus.has(line.sku));
    if (admitted.length > 0 && skus.size + newLines.length > MAX_SKUS_PER_RUN) {
      postponed.push(event);
      continue;
    }
    for (const line of newLines) skus.add(line.sku);
    admitted.push(event);
  }
  return { admitted, postponed };
}

function commandFor(event: OrderEvent, line: OrderEvent["lines"][number]): ItemCommand {
  const { orderId } = event;
  switch (event.type) {
    case "order.placed": {
      const { quantity, limitPerCustomer: limit = null } = line;
      const { customerId, origin: facts } = event;
      const kept = facts && keptOf(facts, line.sku);
      return { type: "lock", orderId, customerId, quantity, limit, ...kept };
    }
    case "order.cancelled": {
      const { customerId, origin } = event;
      if (customerId === undefined || origin === undefined) return { type: "release", orderId };
      return { type: "release", orderId, customerId, origin: JSON.stringify(origin) };
    }
    case "order.paid":
      return { type: "commit", orderId };
    case "order.returned":
      return returnCommand(event, line.quantity);
  }
}

function returnCommand(event: OrderReturned, quantity: number): ItemCommand {
  const { orderId, returnId, requestHash, customerId, restock, reason, actor } = event;
  const request = requestHash === undefined ? {} : { requestHash };
  const facts = { orderId, returnId, ...request, customerId, quantity, restock, reason, actor };
  return { type: "return", ...facts };
}

const isRefused = (answer: ItemAnswer | undefined) => answer?.type === "refused";
const isPlaced = (event: OrderEvent): event is OrderPlaced => event.type === "order.placed";
/** `subject`: the order, or the return, of which an order may have several. */
const keyOf = (sku: string, type: ItemCommand["type"], subject: string): string =>
  `${type} ${subject} ${sku}`;
const subjectOf = (command: ItemCommand | OrderEvent): string =>
  "returnId" in command ? command.returnId : command.orderId;

/** The outcome of each event whose lines all have the wanted answer to its command. */
const EXPECTED = {
  "order.placed": { command: "lock", answer: "locked", outcome: "stock.locked" },
  "order.cancelled": { command: "release", answer: "released", outcome: "stock.released" },
  "order.paid": { command: "commit", answer: "committed", outcome: "stock.committed" },
  "order.returned": { command: "return", answer: "returned", outcome: "stock.returned" },
} as const;

/** The item calls of one run, and their answers by command. */
class Run {
  readonly #answers = new Map<string, ItemAnswer>();
  readonly #errors = new Map<string, string>();
  readonly #levels = new Map<string, VersionedLevel>();
  readonly #callItem: CallItem;
  /** By order id. */
  readonly #traceIds: Map<string, string>;
  readonly #deadline_ms: number;

  constructor(callItem: CallItem, events: readonly OrderEvent[], deadline_ms: number) {
    this.#callItem = callItem;
    this.#traceIds = new Map(events.map((event) => [event.orderId, traceIdOf(event)]));
    this.#deadline_ms = deadline_ms;
  }

  async send(commands: [string, ItemCommand][]): Promise<void> {
    // The key removes duplicate commands within the batch.
    const bySku = new Map<string, Map<string, ItemCommand>>();
    for (const [sku, command] of commands) {
      const group = bySku.get(sku) ?? new Map<string, ItemCommand>();
      bySku.set(sku, group.set(keyOf(sku, command.type, subjectOf(command)), command));
    }
    await pMap(bySku, ([sku, group]) => this.#callOne(sku, group), { concurrency: CONCURRENCY });
  }

  async #callOne(sku: string, group: Map<string, ItemCommand>): Promise<void> {
    try {
      const limit_ms = Math.min(ITEM_TIMEOUT_MS, Math.max(0, this.#deadline_ms - Date.now()));
      const commands = [...group.values()];
      const traceIds = commands.map(({ orderId }) => this.#traceIds.get(orderId) ?? "");
      const call = () => this.#callItem(sku, commands, traceIds);
      const { answers, level } = await withTimeout(limit_ms, call, `stock item ${sku}`);
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

  /** Includes a refusal that only the release revealed, because the call with the lock had failed. */
  #shortages({ orderId, lines }: OrderPlaced): SentShortage[] {
    return lines.flatMap(({ sku }) => {
      for (const type of ["lock", "release"] as const) {
        const answer = this.#answer(sku, type, orderId);
        if (answer && "shortage" in answer && answer.shortage) return [{ sku, ...answer.shortage }];
      }
      return [];
    });
  }

  #answer(sku: string, type: ItemCommand["type"], subject: string): ItemAnswer | undefined {
    return this.#answers.get(keyOf(sku, type, subject));
  }

  /** Whether an item's decision contradicts the event, so that repeating it changes nothing. */
  isBreached(event: OrderEvent): boolean {
    const { command } = EXPECTED[event.type];
    return event.lines.some(
      ({ sku }) => this.#answer(sku, command, subjectOf(event))?.type === "breach",
    );
  }

  /** A release for each line that was not itself refused, whether or not its lock was answered. */
  compensation({ orderId, lines }: OrderEvent): [string, ItemCommand][] {
    return lines
      .filter(({ sku }) => !isRefused(this.#answer(sku, "lock", orderId)))
      .map(({ sku }) => [sku, { type: "release", orderId }]);
  }

  /** The order's outcome, or the reason why it has none yet. */
  outcomeOf(event: OrderEvent, now_ms: number): StockOutcome | string {
    const { type, orderId, lines } = event;
    if (isPlaced(event) && this.isRefused(event)) {
      const released = this.compensation(event).map(([sku]) => ({ sku }));
      const reason = this.#missing(released, "release", "released", orderId);
      return reason ?? stockRefused(orderId, this.#shortages(event), now_ms);
    }
    const { command, answer, outcome } = EXPECTED[type];
    const reason = this.#missing(lines, command, answer, subjectOf(event));
    if (reason !== undefined) return reason;
    if (outcome !== "stock.returned") return stockOutcome(outcome, orderId, now_ms);
    return stockReturned(orderId, subjectOf(event), now_ms);
  }

  /** Names the first line without the wanted answer, and why; undefined when all lines have it. */
  #missing(
    lines: readonly { sku: string }[],
    type: ItemCommand["type"],
    wanted: ItemAnswer["type"],
    subject: string,
  ): string | undefined {
    for (const { sku } of lines) {
      const answer = this.#answer(sku, type, subject);
      if (answer?.type === wanted) continue;
      if (answer && "detail" in answer) return `${answer.type} at ${sku}: ${answer.detail}`;
      return this.#errors.get(sku) ?? `no answer from ${sku}`;
    }
    return undefined;
  }
}
