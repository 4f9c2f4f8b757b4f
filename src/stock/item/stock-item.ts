import { DurableObject } from "cloudflare:workers";
import { MAX_LOCKS_PER_PAGE, MAX_LOCKS_PER_SCAN } from "../../contract/limits.ts";
import { orderIdFloor } from "../../contract/order-id.ts";
import type {
  AdjustResult,
  ErasedOrder,
  Erasure,
  ItemDemand,
  LedgerPage,
  LiveLock,
  LockStates,
  PauseChange,
  ReadLevel,
  StockChange,
  StoredDecision,
} from "../../contract/stock-api.ts";
import { StockEventSchema, stockLevel } from "../../contract/stock-events.ts";
import { Alarm } from "../../runtime/alarm.ts";
import { errorText, log, traces } from "../../runtime/log.ts";
import { sendPacked } from "../../runtime/queue-producer.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { retentionOf } from "../policy.ts";
import { indexOf } from "../stock-index.ts";
import { applyCommands } from "./apply-commands.ts";
import { changeStock } from "./change-stock.ts";
import { decisionFrom } from "./decision.ts";
import { levelOf, readLevelOf } from "./level.ts";
import type { ItemCommand, ItemReply } from "./rules.ts";
import { ItemStore } from "./store.ts";
import { nextWatermark_ms } from "./watermark.ts";

/** The item reports its level at most this often. */
const LEVEL_INTERVAL_MS = 1_000;
/**
 * The first reply after that interval reports the changes within it, at no cost. If no call comes
 * until this time, the alarm reports them instead, which costs a row and a message.
 */
const LEVEL_LATEST_MS = 1_500;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const INDEX_TIMEOUT_MS = 5_000;
const ALARM_RETRY_MS = 5_000;
/** Rows in one pruning step. */
const PRUNE_STEP = 500;
/** The pause between two pruning steps of a busy item. */
const PRUNE_PAUSE_MS = 1_000;

/**
 * The stock of one SKU. Check and take happen in one synchronous transaction. The object's output
 * gate holds each answer until that transaction is durable.
 */
export class StockItem extends DurableObject<StockEnv> {
  readonly #store = new ItemStore(this.ctx.storage.sql);
  readonly #alarm = new Alarm(this.ctx.storage);
  /** Kept in memory only: after an eviction the item reports its level once more. */
  #reported = { version: -1, at_ms: 0 };

  /** `traceIds`: of the orders of the commands, one each. None in a call of an earlier version. */
  async apply(sku: string, commands: ItemCommand[], traceIds: string[] = []): Promise<ItemReply> {
    const now_ms = Date.now();
    const { answers, before, after, isSaved } = this.ctx.storage.transactionSync(() =>
      applyCommands(this.#store, sku, commands, now_ms),
    );
    for (const [i, answer] of answers.entries()) {
      if (answer.type !== "breach") continue;
      const { type: command, orderId } = commands[i] as ItemCommand;
      const fields = { sku, orderId, traceId: traceIds[i], command, detail: answer.detail };
      log("error", "invariant.breached", fields);
    }
    log("info", "item.commands_applied", { sku, commands: commands.length, ...traces(traceIds) });
    // A breach is told at once: operators have to see it, and an item that is quiet is asked seldom.
    const isBreached = after.breaches > before.breaches;
    if (after.levelVersion === before.levelVersion && !isBreached) {
      // A refusal and a tombstone move nothing, but their rows have to be pruned later.
      // One that never had stock is not in the index yet, and has decided an order all the same.
      const idle_ms = after.isListed ? DAY_MS : LEVEL_LATEST_MS;
      if (isSaved) await this.#alarm.ensureBy(now_ms + idle_ms, now_ms);
      // An item that was put back, or lost, may only refuse: it is noticed by the level that it tells.
      if (!isSaved || this.#reported.version >= 0) return { answers };
      this.#markReported(after.levelVersion, now_ms);
      return { answers, level: levelOf(after, now_ms) };
    }
    if (this.#isTooSoon(now_ms) && !isBreached) {
      await this.#alarm.ensureBy(this.#reported.at_ms + LEVEL_LATEST_MS, now_ms);
      return { answers };
    }
    this.#markReported(after.levelVersion, now_ms);
    await this.#alarm.ensureBy(now_ms + DAY_MS, now_ms);
    return { answers, level: levelOf(after, now_ms) };
  }

  /** Of a level that was told by a clock which ran ahead nobody knows how old it is. */
  #isTooSoon(now_ms: number): boolean {
    return Math.abs(now_ms - this.#reported.at_ms) < LEVEL_INTERVAL_MS;
  }

  /** Ignores an older version: that of a repeated adjustment, or of a send that a newer one overtook. */
  #markReported(version: number, at_ms: number): void {
    if (version > this.#reported.version) this.#reported = { version, at_ms };
  }

  /**
   * Records the first answer for an operation id, also a refusal, and repeats it. A different request
   * with the same id is answered `operation_reused`.
   */
  async adjust(sku: string, change: StockChange): Promise<AdjustResult> {
    // Before the units are there: what has stock is in the index.
    await this.#list(sku);
    const now_ms = Date.now();
    const result = this.ctx.storage.transactionSync(() =>
      changeStock(this.#store, sku, change, now_ms),
    );
    // The caller writes this level into the read model, so the item need not report it.
    if (result.ok) this.#markReported(result.levelVersion, now_ms);
    // A refusal is recorded in a row too, which has to be pruned later.
    await this.#alarm.ensureBy(now_ms + DAY_MS, now_ms);
    return result;
  }

  async #list(sku: string): Promise<void> {
    if (this.#store.state(sku).isListed) return;
    await withTimeout(INDEX_TIMEOUT_MS, async () => await indexOf(this.env).add(sku), "the index");
    this.#store.save({ ...this.#store.state(sku), isListed: true });
  }

  level(sku: string): ReadLevel {
    return readLevelOf(this.#store.state(sku), Date.now());
  }

  /**
   * Pauses or resumes: no lock that arrives after a pause is granted. The version of the level grows,
   * so that of a pause and a resumption the later one stays in the read model.
   */
  async setPaused(sku: string, { isPaused, actor }: PauseChange): Promise<ReadLevel> {
    const now_ms = Date.now();
    const after = this.ctx.storage.transactionSync(() => {
      const before = this.#store.state(sku);
      if (before.isPaused === isPaused) return before;
      const pauseChange = { at_ms: now_ms, actor };
      const changed = { ...before, isPaused, pauseChange, levelVersion: before.levelVersion + 1 };
      this.#store.save(changed);
      return changed;
    });
    log("info", isPaused ? "item.paused" : "item.resumed", {
      sku,
      actor: actor.sub,
      actorKind: actor.kind,
    });
    // The caller writes this level into the read model, so the item need not report it.
    this.#markReported(after.levelVersion, now_ms);
    await this.#alarm.ensureBy(now_ms + DAY_MS, now_ms);
    return readLevelOf(after, now_ms);
  }

  lockStates(orderIds: string[]): LockStates {
    const all = [...this.#store.locks(orderIds).values()];
    const locks = all.flatMap(({ orderId, quantity, returned, state }) => {
      const isLive = (state === "held" || state === "sold") && quantity > returned;
      return isLive ? [{ orderId, quantity: quantity - returned, state }] : [];
    });
    return { locks, watermark_ms: this.#store.state("").watermark_ms };
  }

  eraseCustomer(erasure: Erasure): string | null {
    return this.ctx.storage.transactionSync(() => this.#store.eraseCustomer(erasure));
  }

  decisions(after: string): { decisions: StoredDecision[]; next: string | null } {
    const decisions = this.#store.decisionsAfter(after, MAX_LOCKS_PER_PAGE).map(decisionFrom);
    const isLast = decisions.length < MAX_LOCKS_PER_PAGE;
    return { decisions, next: isLast ? null : (decisions.at(-1)?.orderId ?? null) };
  }

  erasures(after: string): { orders: ErasedOrder[]; next: string | null } {
    return this.#store.pages.erased(after, MAX_LOCKS_PER_SCAN);
  }

  decisionsFor(orderIds: string[]): StoredDecision[] {
    return this.#store.decisionsFor(orderIds).map(decisionFrom);
  }

  liveLocks(after: string): { locks: LiveLock[]; next: string | null } {
    return this.#store.pages.live(after, MAX_LOCKS_PER_PAGE);
  }

  ledger(page: { before: number | null; limit: number }): LedgerPage {
    return this.#store.ledger.page(page);
  }

  demand(): ItemDemand {
    return this.#store.demand.read(this.#store.state("").sold, Date.now());
  }

  /** Reports a level that is due, and prunes. Never throws: the platform stops after six failures. */
  override async alarm(): Promise<void> {
    this.#alarm.markFired();
    const now_ms = Date.now();
    const { sku, levelVersion } = this.#store.state("");
    const isUnreported = levelVersion > this.#reported.version;
    const isTooSoon = this.#isTooSoon(now_ms);
    try {
      if (isUnreported && !isTooSoon) {
        const level = levelOf(this.#store.state(sku), now_ms);
        await sendPacked(this.env.STOCK_EVENTS, StockEventSchema, [stockLevel(level)]);
        this.#markReported(level.levelVersion, now_ms);
      }
      const prune_ms = this.ctx.storage.transactionSync(() => this.#prune(now_ms));
      // An item of a version before the index. Last, since the index may not answer.
      if (sku !== "") await this.#list(sku);
      const report_ms = this.#reported.at_ms + LEVEL_LATEST_MS;
      const next_ms = isUnreported && isTooSoon ? Math.min(prune_ms, report_ms) : prune_ms;
      await this.#alarm.ensureBy(next_ms, now_ms);
    } catch (error) {
      log("error", "item.alarm_failed", { sku, error: errorText(error) });
      await this.#alarm.ensureBy(now_ms + ALARM_RETRY_MS, now_ms);
    }
  }

  /** Makes one bounded pruning step. Returns the time of the next one. */
  #prune(now_ms: number): number {
    const state = this.#store.state("");
    // One that a clock which ran ahead has set far away does not count.
    if (now_ms < state.pruneAt_ms && state.pruneAt_ms <= now_ms + DAY_MS) return state.pruneAt_ms;
    const { lockRetention_ms, ledgerRetention_ms } = retentionOf(this.env);
    const lockCutoff_ms = now_ms - lockRetention_ms;
    const ledgerCutoff_ms = now_ms - ledgerRetention_ms;
    const watermark_ms = nextWatermark_ms(state.watermark_ms, lockCutoff_ms, this.#store.span());
    const floor = orderIdFloor(watermark_ms);
    const pruneCursor = this.#store.pruneLocks(state.pruneCursor, floor, lockCutoff_ms, PRUNE_STEP);
    const isLedgerLeft = this.#store.ledger.prune(ledgerCutoff_ms, PRUNE_STEP);
    const areAdjustmentsLeft = this.#store.requests.pruneAdjustments(lockCutoff_ms, PRUNE_STEP);
    const areReturnsLeft = this.#store.requests.pruneReturns(floor, PRUNE_STEP);
    const isBehind = watermark_ms > state.watermark_ms && watermark_ms < lockCutoff_ms;
    const isMoreLeft = pruneCursor !== "" || isLedgerLeft || areAdjustmentsLeft || areReturnsLeft;
    // A watermark that has days to catch up moves once an hour, in case the clock is wrong for a moment.
    const idle_ms = isBehind ? HOUR_MS : DAY_MS;
    const pruneAt_ms = now_ms + (isMoreLeft ? PRUNE_PAUSE_MS : idle_ms);
    this.#store.save({ ...state, watermark_ms, pruneCursor, pruneAt_ms });
    return pruneAt_ms;
  }
}
