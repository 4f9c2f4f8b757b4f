import type { QueueWatcher, SimQueue } from "../platform/queues.ts";
import type { ItemsModel } from "./items.ts";
import type { OrdersModel } from "./orders.ts";
import type { Report } from "./report.ts";

/**
 * No message is lost silently: when one is acknowledged, each of its events has had its effect, or
 * has become a dead letter, or was sent again since the message came.
 */

interface Event {
  type?: string;
  version?: number;
  id?: string;
  orderId?: string;
  lines?: { sku: string }[];
  levelVersion?: number;
  sku?: string;
  /** Set by the simulation in what it makes undecodable. */
  isPoison?: boolean;
}

const OUTCOMES: Record<string, readonly string[]> = {
  "order.placed": ["stock.locked", "stock.refused"],
  "order.cancelled": ["stock.released"],
  "order.paid": ["stock.committed"],
};

/** What the model looks at. */
interface World {
  orders: OrdersModel;
  items: ItemsModel;
  isQuiet: boolean;
  stockEvents: SimQueue;
  queue(name: string): SimQueue;
}

export class MessagesModel implements QueueWatcher {
  readonly #world: World;
  readonly #report: Report;
  readonly #now: () => number;
  /** When an event was last sent, by its id and queue; dead letters by theirs. */
  readonly #sent = new Map<string, number>();
  acks = 0;
  /** The other models know no more what has come of an event. */
  isOver = false;
  #calls = { party: "", at_ms: -1, count: 0 };

  constructor(report: Report, now: () => number, world: World) {
    this.#report = report;
    this.#now = now;
    this.#world = world;
  }

  /** What is ready at one moment shares messages; a second call is for what one could not take. */
  onCall(party: string): void {
    if (!party.startsWith("OrderDesk")) return;
    const at_ms = this.#now();
    const isSame = this.#calls.party === party && this.#calls.at_ms === at_ms;
    this.#calls = { party, at_ms, count: isSame ? this.#calls.count + 1 : 1 };
    const { count } = this.#calls;
    this.#report.check(count <= 2, 13, () => `${party} calls its queue ${count} times at once`);
  }

  onSend(queue: string, body: unknown): void {
    const attempts = (body as { attempts?: number } | null)?.attempts ?? 0;
    const isLetter = (body as { type?: string } | null)?.type === "dead-letter";
    if (attempts > 0 && !isLetter) this.#inPeace(`an event of ${queue} was sent again`);
    for (const event of eventsOf(body)) {
      if (typeof event.id === "string") this.#sent.set(`${queue} ${event.id}`, this.#now());
    }
  }

  onRetry(queue: string, id: string): void {
    this.#inPeace(`${id} of ${queue} was retried`);
  }

  /** Where nothing goes wrong no delivery fails, however much there is to do at once. */
  #inPeace(what: string): void {
    this.#report.check(!this.#world.isQuiet, 7, () => `${what} in peace`);
  }

  onDead(): void {
    // It goes on in the dead-letter queue, which is watched like any other.
  }

  onAck(queue: string, id: string, body: unknown, since_ms: number): void {
    if (this.isOver) return;
    this.acks++;
    const deadQueue = this.#world.queue(queue).settings.deadLetterQueue;
    if (deadQueue === null) return this.#letters(queue, id, body);
    for (const [part, event] of eventsOf(body).entries()) {
      const letterId = `${id}:${part}`;
      const isLetter =
        this.#world.orders.letters.has(letterId) ||
        (this.#sent.get(`${deadQueue} ${letterId}`) ?? -1) >= since_ms;
      const isSentAgain = (this.#sent.get(`${queue} ${event.id}`) ?? -1) >= since_ms;
      if (isLetter || isSentAgain) continue;
      const isPoison = event.isPoison === true || event.version !== 1;
      const isDone = !isPoison && this.#isDone(event) && this.#isTold(event, since_ms);
      this.#report.check(
        isDone,
        7,
        () =>
          `${id} was acknowledged, and nothing has come of ${event.type} ${event.id} (part ${part})`,
      );
    }
  }

  /** A dead letter counts as dealt with when D1 has it. */
  #letters(queue: string, id: string, body: unknown): void {
    for (const [part, event] of eventsOf(body).entries()) {
      const own = event.type === "dead-letter" ? String(event.id) : id;
      // Of a packed message each event is a letter of its own.
      const isKept = [own, `${id}:${part}`].some((letter) =>
        this.#world.orders.letters.has(letter),
      );
      this.#report.check(
        isKept,
        7,
        () => `dead letter ${own} of ${queue} was acknowledged and is not in D1`,
      );
    }
  }

  /** The outcome of an order event is on its way back before the event is acknowledged. */
  #isTold({ type = "", orderId }: Event, since_ms: number): boolean {
    const outcomes = OUTCOMES[type];
    if (!outcomes) return true;
    const queue = this.#world.stockEvents.settings.name;
    return outcomes.some(
      (outcome) => (this.#sent.get(`${queue} ${outcome}:${orderId}`) ?? -1) >= since_ms,
    );
  }

  #isDone({ type, orderId = "", lines = [], sku = "", levelVersion = 0 }: Event): boolean {
    const order = this.#world.orders.orders.get(orderId);
    const states = lines.map((line) => this.#world.items.lock(line.sku, orderId)?.state);
    switch (type) {
      case "order.placed":
        return states.every((state) => state !== undefined);
      case "order.cancelled":
        return states.every((state) => state === "released" || state === "refused");
      case "order.paid":
        return states.every((state) => state === "sold");
      case "stock.locked":
      case "stock.refused":
        return order !== undefined && order.status !== "pending";
      case "stock.released":
        return order !== undefined && (order.awaits !== "release" || order.wasAskedAgain);
      case "stock.committed":
        return order !== undefined && (order.awaits !== "commit" || order.wasAskedAgain);
      case "stock.level":
        return (this.#world.orders.levels.get(sku) ?? -1) >= levelVersion;
      default:
        return false;
    }
  }
}

function eventsOf(body: unknown): Event[] {
  if (typeof body !== "object" || body === null) return [{ isPoison: true }];
  const { type, events } = body as { type?: unknown; events?: unknown };
  return type === "batch" && Array.isArray(events) ? (events as Event[]) : [body];
}
