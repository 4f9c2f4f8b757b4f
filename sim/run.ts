import { Chaos } from "./chaos.ts";
import { loadCode } from "./kernel/code.ts";
import type { Fired, Without } from "./kernel/faults.ts";
import { checkEnd, checkLiveness } from "./model/final.ts";
import { System } from "./system.ts";
import { Buyer } from "./workload/buyer.ts";
import { Backup, disaster } from "./workload/disaster.ts";
import { Impostor } from "./workload/impostor.ts";
import { ItemBackups, itemDisaster } from "./workload/item-disaster.ts";
import { asGuest, giveUp, spy, tryBadKeys } from "./workload/mischief.ts";
import { Operator } from "./workload/operator.ts";
import { outlive } from "./workload/outlive.ts";
import { OPENING_MS, planFor } from "./workload/plan.ts";
import { Reader } from "./workload/reader.ts";
import type { ClientPlan, Plan, Step, TillStep } from "./workload/steps.ts";
import { Till } from "./workload/till.ts";

/** One run of the whole system for one seed. */

export interface RunOptions {
  seed: number;
  /** Instead of the seed's own. */
  plan?: Plan;
  /** A further thing that must hold at the end: what is wrong, or null. */
  suspect?: (system: System) => string | null;
  isPrinted?: boolean;
  without?: Without & {
    /** Clients by name, and steps as `client/number`; operator and impostor are two of them. */
    clients?: readonly string[];
    steps?: readonly string[];
  };
}

export interface RunResult {
  seed: number;
  hash: string;
  events: number;
  /** Steps of the workload, and requests they made. */
  operations: number;
  requests: number;
  orders: number;
  fired: Partial<Fired>;
  strikes: number;
  violations: string[];
  lines: string[] | null;
  plan: Plan;
}

const MINUTE_MS = 60_000;
const SETTLED_MS = 151_000;
/** Nothing unfinished is reread every five minutes, so a page may be that late. */
const VIEWS_MS = 340_000;
/** A dead letter that could not be stored comes back after half an hour at most. */
const LATEST_MS = 3 * 3_600_000;
const CHECKS_MS = 60_000;

export async function run(options: RunOptions): Promise<RunResult> {
  const { seed, isPrinted = false, without = {}, plan = planFor(seed) } = options;
  const clients = plan.clients.filter(({ name }) => !without.clients?.includes(name));
  const code = await loadCode(plan.hasSmallLimits);
  const system = new System(code, { seed, isPrinted, without }, plan.vars);
  const { kernel, report } = system;
  const operator = new Operator(system);
  const till = new Till(system);
  const impostor = new Impostor(system);
  const reader = new Reader(system);
  const buyers = clients.map((client) => new Buyer(system, client, plan.items));
  const isOver = () => report.violations.length > 0;
  let operations = 0;

  const schedule = (name: string, steps: Step[], take: (step: Step) => Promise<void> | void) => {
    for (const [i, step] of steps.entries()) {
      if (without.steps?.includes(`${name}/${i}`)) continue;
      operations++;
      kernel.at(step.at_ms, "", () => void take(step));
    }
  };

  kernel.faults.isActive = false;
  const opened = operator.open(plan.items);
  await kernel.runUntil(OPENING_MS - 1, isOver);
  void opened;
  kernel.faults.isActive = true;
  kernel.heal_ms = plan.heal_ms;
  new Chaos(system).start();
  everyMinute(system);
  if (plan.blackout) blackout(system, plan.blackout);
  if (plan.hang) hang(system, plan.hang);
  for (const [i, client] of clients.entries()) {
    const buyer = buyers[i] as Buyer;
    schedule(client.name, client.steps, (step) => act(system, buyers, buyer, step));
  }
  if (!without.clients?.includes("operator")) {
    schedule("operator", plan.operator, (step) => operate({ operator, till }, buyers, plan, step));
  }
  if (!without.clients?.includes("impostor")) {
    const sku = plan.items[0]?.sku ?? "none";
    schedule("impostor", plan.impostor, (step) =>
      step.do === "pretend" ? impostor.attempt(step, sku) : undefined,
    );
  }
  if (!without.clients?.includes("reader")) {
    schedule("reader", plan.reader, (step) =>
      step.do === "read changes" ? void reader.read(step.wait) : undefined,
    );
  }
  const backup = plan.isPutBack ? new Backup(system, OPENING_MS, plan.heal_ms) : null;
  const items = plan.isItemLost ? new ItemBackups(system, OPENING_MS, plan.heal_ms) : null;
  await kernel.runUntil(plan.heal_ms, isOver);

  heal(system);
  for (const buyer of buyers) kernel.after(1_000, "", () => void buyer.finish());
  kernel.after(1_000, "", () => void operator.finish());
  kernel.after(1_000, "", () => void till.finish());
  kernel.after(3_000, "", () => reconnect(system, clients, buyers));
  await kernel.runUntil(plan.heal_ms + SETTLED_MS, isOver);
  if (!isOver()) checkLiveness(system);
  await kernel.runUntil(plan.heal_ms + VIEWS_MS, isOver);
  const isLeft = () => [...system.queues.values()].some(({ open }) => open > 0);
  while (isLeft() && !isOver() && kernel.now_ms < plan.heal_ms + LATEST_MS) {
    await kernel.runUntil(kernel.now_ms + 10 * MINUTE_MS, isOver);
  }
  if (!isOver()) {
    let isChecked = false;
    kernel.after(
      0,
      "the end",
      () => void checkEnd(system, { buyers, operator, reader }).then(() => (isChecked = true)),
    );
    await kernel.runUntil(kernel.now_ms + CHECKS_MS, isOver);
    if (!isOver() && !isChecked) report.violated(7, "the final checks got no answer");
  }
  if (backup && !isOver()) await disaster(system, backup, isOver);
  if (items && !isOver()) await itemDisaster(system, items, isOver);
  if (plan.isOutlived && !isOver()) await outlive(system, buyers, operator, isOver);
  const suspicion = options.suspect?.(system);
  if (suspicion) report.violated(0, suspicion);
  system.dispose();
  const parties = [operator, till, impostor, reader, ...buyers];
  const requests = parties.reduce((sum, { requests: own }) => sum + own, 0);
  return {
    seed,
    hash: kernel.history.hash,
    events: kernel.history.count,
    operations,
    requests,
    orders: system.orders.orders.size,
    fired: kernel.faults.fired,
    strikes: kernel.faults.strikes,
    violations: report.violations,
    lines: kernel.history.lines,
    plan,
  };
}

async function act(system: System, buyers: Buyer[], buyer: Buyer, step: Step): Promise<void> {
  const { kernel, orders } = system;
  const caller = { system, name: buyer.name, http: buyer.http };
  kernel.note(`${buyer.name} ${step.do}`);
  if (step.do === "place") return buyer.place(step);
  if (step.do === "bad keys") return tryBadKeys(caller, step);
  if (step.do === "cancel") return buyer.cancel(step.which, step.isLate);
  if (step.do === "get") return buyer.look(step.which, step.wait, step.hangsUpAfter_ms);
  if (step.do === "hang up") return giveUp(caller, step.after_ms);
  if (step.do === "list") return void (await buyer.list());
  if (step.do === "connect") return buyer.feed.connect();
  if (step.do === "close") return buyer.feed.close();
  if (step.do === "drop") return buyer.feed.drop();
  if (step.do === "ping") return buyer.feed.ping();
  if (step.do === "guest") return asGuest(caller);
  if (step.do !== "spy") throw new Error(`${step.do} is for operators`);
  const others = [...orders.orders.values()].filter(
    ({ customerId }) => customerId !== buyer.name && buyers.length > 1,
  );
  const found = others[step.which % Math.max(1, others.length)];
  if (found) await spy(caller, found.id);
}

interface Staff {
  operator: Operator;
  till: Till;
}

const TILL = new Set<string>(["notice", "notice again", "refunded", "extend", "return"]);
const isOfTill = (step: Step): step is TillStep => TILL.has(step.do);

async function operate(
  { operator, till }: Staff,
  buyers: Buyer[],
  plan: Plan,
  step: Step,
): Promise<void> {
  if (isOfTill(step)) return till.act(step);
  if (step.do === "adjust") return operator.adjust(step.sku, step.delta, step.clicks);
  if (step.do === "count") return operator.count(step);
  if (step.do === "pause" || step.do === "resume") return operator.setPaused(step);
  if (step.do === "pay") {
    const known = buyers.flatMap((buyer) => buyer.known);
    const id = known[step.which % Math.max(1, known.length)];
    return id === undefined ? undefined : operator.pay(id, step.isLate);
  }
  if (step.do === "replay") return void (await operator.replay());
  if (step.do === "compare") return void (await operator.compare(step.repair));
  if (step.do === "operations") return void (await operator.read("/v1/operations", 1));
  const item = plan.items.find(({ sku }) => step.do === "put" && sku === step.sku);
  if (step.do !== "put" || !item) return undefined;
  const { price, limitPerCustomer, paymentWindow_s } = step;
  return operator.put({ ...item, limitPerCustomer, paymentWindow_s }, price);
}

/** The platform's cron: on the minute, for ever. */
function everyMinute(system: System): void {
  const { kernel } = system;
  const next_ms = (Math.floor(kernel.now_ms / MINUTE_MS) + 1) * MINUTE_MS;
  kernel.at(next_ms, "", () => {
    const isOff = system.isCronOff || kernel.faults.strike("cron missed", "");
    if (!isOff) system.cron();
    everyMinute(system);
  });
}

function blackout(system: System, { from_ms, to_ms }: NonNullable<Plan["blackout"]>): void {
  const { kernel, http, stock } = system;
  system.isQuiet = false;
  kernel.at(from_ms, "blackout", () => {
    system.isStockAbsent = true;
    http.crash("blackout");
    stock.crash("blackout");
  });
  kernel.at(to_ms, "the blackout is over", () => system.stockReturns());
}

/** Answers are late by a minute and more: what needs D1 alone must not wait for them. */
function hang(system: System, { from_ms }: NonNullable<Plan["hang"]>): void {
  system.kernel.at(from_ms, "the stock Worker hangs", () => {
    // What needs it is 503 from now on.
    system.isQuiet = false;
    system.orders.isExpiryPrompt = true;
    system.isStockHanging = true;
  });
}

function heal(system: System): void {
  const { kernel, unreachable } = system;
  kernel.faults.isActive = false;
  kernel.note("the faults are over");
  unreachable.clear();
  for (const limiter of system.limiters.values()) limiter.heal();
  system.isStockHanging = false;
  system.stockReturns();
  for (const queue of system.queues.values()) queue.pump();
  if (system.isQuiet) tellOfAllLocks(system);
}

/** Copies of all locks in one message: more feeds to tell than a delivery with small limits may call. */
function tellOfAllLocks({ orders, kernel, stockEvents }: System): void {
  const at = new Date(Math.floor(kernel.now_ms)).toISOString();
  const confirmed = [...orders.orders.values()].filter(({ status }) => status === "confirmed");
  const events = confirmed.map(({ id: orderId }) => {
    return { type: "stock.locked", version: 1, id: `stock.locked:${orderId}`, at, orderId };
  });
  if (events.length === 0) return;
  const batch = { type: "batch", version: 1, id: "all locks", at, attempts: 0, events };
  stockEvents.put(JSON.stringify(batch), 0);
}

/**
 * Half of the pages are loaded anew; so is each whose object has lost its alarm for good, when that
 * is overdue for so long (contract/alarm.ts) that opening a socket sets it again.
 */
function reconnect(system: System, clients: ClientPlan[], buyers: Buyer[]): void {
  const random = system.kernel.random("reconnect");
  for (const [i, { name }] of clients.entries()) {
    const feed = buyers[i]?.feed;
    const isStuck = system.classes.FEED.get(name).isAlarmLost;
    if (!feed || (!random.chance(0.5) && !(isStuck && feed.isOpen))) continue;
    feed.close();
    system.kernel.after(isStuck ? 10_000 : 2_000, "", () => feed.connect());
  }
}
