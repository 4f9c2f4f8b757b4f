import { DurableObject } from "cloudflare:workers";
import { ensureAlarmBy } from "../../runtime/alarm.ts";
import { errorText, log } from "../../runtime/log.ts";
import { readChanges } from "../changes/change-queries.sql.ts";
import { cursorOf, parseCursor } from "../changes/change.ts";
import { withTimeLimits } from "../database/d1.ts";
import { readService } from "../database/service.sql.ts";
import { CourierStore, type Delivery, type EventState, type StoredEvent } from "./courier-store.ts";
import { deliverLanes } from "./deliver-lanes.ts";
import { eventOf, testPayload } from "./payload.ts";
import { postEvent } from "./post-event.ts";
import { type Progress, progressAfter } from "./progress.ts";
import { type Attempt, NEAR_LIMIT, pauseEnds, secretsAt, type Webhook } from "./webhook.ts";
import { getWebhook, setTroubles, switchOff } from "./webhooks.sql.ts";

/** Changes of one read, and events that are under way; what comes after them waits in D1. */
const READ_STEP = 200;
const MAX_PENDING = 400;
/**
 * An alarm ends after this time and goes on with the next one, so that no call waits for long; also after
 * so many rounds, which make four statements each, of the 1,000 of an invocation (D1 limits).
 */
const ROUND_MS = 20_000;
const MAX_ROUNDS = 50;
/** How often it looks for changes: soon after the last one, and else. */
const POLL_MS = 1_000;
const IDLE_POLL_MS = 5_000;
const BUSY_MS = 60_000;
const RETRY_MS = 5_000;
/** While the webhook is off: to prune, and to forget all once the webhook is deleted. */
const OFF_POLL_MS = 86_400_000;
/** While the service is frozen: what would be told may not be true of the restored database. */
const FROZEN_POLL_MS = 30_000;

export interface CourierStatus {
  pending: number;
  parked: number;
  failures: number;
  pausedUntil: string | null;
}

/**
 * The courier of one webhook. It reads the changes after its cursor and posts them: at least once, each
 * with the same id and body, and those of one order in sequence. What it has read is in its storage
 * together with the cursor, so a crash anywhere repeats at most the posts that were under way.
 */
export class Courier extends DurableObject<OrdersEnv> {
  #opened: CourierStore | null = null;
  /** When it last found a change. In memory: an eviction only makes it look less often. */
  #found_ms = 0;
  /** Counts what operators do to the webhook, so that a round that is under way ends and reads it anew. */
  #version = 0;

  constructor(ctx: DurableObjectState, env: OrdersEnv) {
    super(ctx, withTimeLimits(env));
  }

  get #store(): CourierStore {
    return (this.#opened ??= new CourierStore(this.ctx.storage));
  }

  /**
   * Whether it was ever woken, and has not forgotten since. Else it stores nothing and has no alarm, and
   * must not open its store, whose tables nobody would ever delete.
   */
  get #isKnown(): boolean {
    return this.ctx.storage.kv.get<string>("id") !== undefined;
  }

  /** When the pause ends; 0: there is none. */
  #pausedUntil_ms(now_ms: number): number {
    return pauseEnds(this.#store.progress?.pausedUntil_ms ?? 0, now_ms);
  }

  /** Called when the webhook is made, changed or about to be deleted, and by the cron, in case the alarm is lost. */
  async wake(id: string): Promise<void> {
    if (this.ctx.storage.kv.get<string>("id") !== id) this.ctx.storage.kv.put("id", id);
    const now_ms = Date.now();
    await ensureAlarmBy(this.ctx.storage, this.#pausedUntil_ms(now_ms) || now_ms, now_ms);
  }

  /** As `wake`, and tries again at once what has failed. */
  async resume(id: string): Promise<void> {
    this.#version += 1;
    const { progress } = this.#store;
    if (progress) this.#store.progress = { ...progress, failures: 0, pausedUntil_ms: 0 };
    await this.wake(id);
  }

  status(): CourierStatus {
    if (!this.#isKnown) return { pending: 0, parked: 0, failures: 0, pausedUntil: null };
    const pausedUntil_ms = this.#pausedUntil_ms(Date.now());
    return {
      pending: this.#store.count("pending"),
      parked: this.#store.count("parked"),
      failures: this.#store.progress?.failures ?? 0,
      pausedUntil: pausedUntil_ms > 0 ? new Date(pausedUntil_ms).toISOString() : null,
    };
  }

  deliveries(state: EventState | null, before: number, limit: number) {
    if (!this.#isKnown) return [];
    return this.#store.list(state, before, limit) satisfies Delivery[];
  }

  /** Has an event sent again, now. False: it is unknown, or no longer kept. */
  async resend(webhookId: string, eventId: string): Promise<boolean> {
    if (!this.#isKnown || !this.#store.resend(eventId)) return false;
    await this.resume(webhookId);
    return true;
  }

  /** Posts a test event once, and tells what came of it. */
  sendTest(webhook: Webhook): Promise<Attempt> {
    const now_ms = Date.now();
    const id = `evt_test_${crypto.randomUUID()}`;
    const body = JSON.stringify(testPayload(webhook.id, now_ms));
    return postEvent({ url: webhook.url, id, body, secrets: secretsAt(webhook, now_ms) }, now_ms);
  }

  eraseCustomer(customerId: string, erasedId: string): void {
    if (this.#isKnown) this.#store.erase(customerId, erasedId);
  }

  /** The webhook is deleted, and nothing of it stays. */
  async forget(): Promise<void> {
    this.#version += 1;
    this.#opened = null;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  override async alarm(): Promise<void> {
    let next_ms: number | null = Date.now() + RETRY_MS;
    try {
      next_ms = await this.#run();
    } catch (error) {
      log("error", "webhook.run_failed", { error: errorText(error) });
    }
    if (next_ms !== null) await ensureAlarmBy(this.ctx.storage, next_ms, Date.now());
  }

  /** Returns when to run next; null: never, for it has forgotten its webhook. */
  async #run(): Promise<number | null> {
    this.#store.prune(Date.now());
    const end_ms = Date.now() + ROUND_MS;
    let next_ms: number | null = Date.now();
    for (let rounds = 0; rounds < MAX_ROUNDS; rounds++) {
      next_ms = await this.#round();
      if (next_ms === null || next_ms > Date.now() || Date.now() >= end_ms) break;
    }
    return next_ms;
  }

  async #round(): Promise<number | null> {
    const version = this.#version;
    const id = this.ctx.storage.kv.get<string>("id");
    const webhook = id === undefined ? null : await getWebhook(this.env.DB, id);
    if ((await readService(this.env.DB)).isFrozen) return Date.now() + FROZEN_POLL_MS;
    if (!webhook) {
      await this.forget();
      return null;
    }
    if (webhook.state === "off") return Date.now() + OFF_POLL_MS;
    const next_ms = await this.#send(webhook, () => version !== this.#version);
    const { failingSince_ms, nearLimitSince_ms } = webhook;
    const isFailing = (this.#store.progress?.failures ?? 0) > 0;
    const isNearLimit = this.#store.parkedSubjects() >= NEAR_LIMIT;
    if (isFailing !== (failingSince_ms !== null) || isNearLimit !== (nearLimitSince_ms !== null)) {
      await setTroubles(this.env.DB, webhook.id, {
        failingSince_ms: isFailing ? (failingSince_ms ?? Date.now()) : null,
        nearLimitSince_ms: isNearLimit ? (nearLimitSince_ms ?? Date.now()) : null,
      });
    }
    return next_ms;
  }

  async #send(webhook: Webhook, isStale: () => boolean): Promise<number> {
    const pausedUntil_ms = this.#pausedUntil_ms(Date.now());
    if (pausedUntil_ms > 0) return pausedUntil_ms;
    const read = await this.#read(webhook);
    if (read === "reset") {
      await switchOff(this.env.DB, webhook, "changes_reset", Date.now());
      return Date.now();
    }
    const lanes = this.#store.lanes(MAX_PENDING);
    const now_ms = Date.now();
    if (lanes.length === 0) {
      // A page of types that it does not want: after a rush there are thousands of them.
      if (read === "more") return now_ms;
      return now_ms + (now_ms - this.#found_ms < BUSY_MS ? POLL_MS : IDLE_POLL_MS);
    }
    return this.#deliver(webhook, lanes, isStale);
  }

  /** Reads the next changes, if there is room for them. `reset`: they are no longer kept. */
  async #read({ types, startsAfter }: Webhook): Promise<"all" | "more" | "reset"> {
    const known = this.#store.progress;
    const isNewStart = known?.start !== startsAfter;
    const progress: Progress = isNewStart
      ? { start: startsAfter, cursor: startsAfter, failures: 0, pausedUntil_ms: 0 }
      : known;
    if (this.#store.count("pending") > MAX_PENDING - READ_STEP) return "more";
    const page = await readChanges(this.env.DB, parseCursor(progress.cursor), READ_STEP);
    if (page === "reset") return "reset";
    // Told to forget while it was reading: the next round does, and nothing comes in before.
    if (!this.#isKnown) return "all";
    const { changes, epoch, next, hasMore } = page;
    const cursor = cursorOf(epoch, next);
    if (cursor === progress.cursor && !isNewStart) return "all";
    this.#found_ms = Date.now();
    const wanted = changes.filter(({ type }) => types.includes(type));
    const events = wanted.map((change) => eventOf(change, epoch));
    this.#store.add(events, { ...progress, cursor });
    return hasMore ? "more" : "all";
  }

  /** Posts the events. Returns when to go on. */
  async #deliver(
    webhook: Webhook,
    lanes: StoredEvent[][],
    isStale: () => boolean,
  ): Promise<number> {
    const until = { end_ms: Date.now() + ROUND_MS, isStale };
    const { failed, isGone } = await deliverLanes(webhook, lanes, () => this.#store, until);
    // What the endpoint said before it was changed holds no longer.
    if (isStale()) return Date.now();
    if (isGone) {
      await switchOff(this.env.DB, webhook, "gone", Date.now());
      return Date.now();
    }
    return this.#pause(failed);
  }

  /** Pauses after a failure. Returns when to go on. */
  #pause(failed: Attempt | null): number {
    const { progress } = this.#store;
    const now_ms = Date.now();
    if (!progress) return now_ms;
    const next = progressAfter(progress, failed, now_ms, Math.random);
    if (next !== progress) this.#store.progress = next;
    return failed ? next.pausedUntil_ms : now_ms;
  }
}
