import { type Context, Hono } from "hono";
import { v4 } from "uuid";
import * as v from "valibot";
import { orderEvent } from "../../contract/order-events.ts";
import { OrderIdSchema } from "../../contract/order-id.ts";
import { SkuSchema } from "../../contract/sku.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { fenced } from "../database/fenced.ts";
import { getOrder } from "../order/order-queries.sql.ts";
import { type Frozen, reconcilerOf, scheduleReconcile } from "../order/schedule-reconcile.ts";
import {
  adoptOrder,
  RECOVER_START,
  type RecoverCursor,
  recoverPage,
  type RecoverPorts,
} from "../recover/recover.ts";
import type { AppEnv } from "./app-env.ts";
import { callStock } from "./ask-stock.ts";
import { requireScopes } from "./auth.ts";
import { decodeCursor, encodeCursor } from "./pagination.ts";
import { Problem } from "./problem.ts";
import { actorOf } from "./scopes.ts";
import { body, optionalBody } from "./validation.ts";

/** Freezing by hand, and what follows a restore of the database. docs/operations.md is the runbook. */

/** Body of `POST /v1/operations/thaw`. */
export const ThawSchema = v.strictObject({ force: v.optional(v.boolean(), false) });

/** Body of `POST /v1/operations/recover`. */
export const RecoverSchema = v.strictObject({
  apply: v.optional(v.boolean(), false),
  force: v.optional(v.boolean(), false),
  cursor: v.nullish(v.pipe(v.string(), v.maxLength(1_000))),
});

/** Body of `POST /v1/operations/orphans`. */
export const OrphanSchema = v.strictObject({
  sku: SkuSchema,
  orderId: OrderIdSchema,
  action: v.picklist(["release", "adopt"]),
});

const afterOrder = v.union([v.literal(""), OrderIdSchema]);
const fromSku = v.union([v.literal(""), SkuSchema]);
const at = { run: v.pipe(v.string(), v.uuid()) };
const CursorSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.variant("phase", [
    v.strictObject({ ...at, phase: v.literal("items"), sku: SkuSchema, after: afterOrder }),
    v.strictObject({ ...at, phase: v.literal("orders"), after: afterOrder }),
    v.strictObject({ ...at, phase: v.literal("erasures"), sku: fromSku, after: afterOrder }),
  ]),
);

const RECONCILER_TIMEOUT_MS = 15_000;
/** One part takes 8 s, and then the calls that are under way. */
const RECOVER_TIMEOUT_MS = 25_000;
/** Longer than a call of the lane may be under way (20 s). */
const LAST_CALLS_MS = 30_000;
const BACKLOG_TIMEOUT_MS = 5_000;
const RELEASE_MS = 5_000;

const callReconciler = <T>(call: () => Promise<T>): Promise<T> =>
  withTimeout(RECONCILER_TIMEOUT_MS, call, "the reconciler");

export const frozenView = ({ at_ms, reason, restoredTo_ms, isRecovered }: Frozen) => ({
  since: new Date(at_ms).toISOString(),
  reason,
  restoredTo: restoredTo_ms === null ? null : new Date(restoredTo_ms).toISOString(),
  recovered: isRecovered,
});

export const recovery = new Hono<AppEnv>()
  .post("/freeze", requireScopes("operations:write"), async (c) => {
    const actor = actorOf(c.get("caller"));
    const frozen = await callReconciler(async () => await reconcilerOf(c.env).freeze(actor));
    return c.json({ frozen: frozenView(frozen) });
  })
  .post("/thaw", requireScopes("operations:write"), optionalBody(ThawSchema), async (c) => {
    const options = { actor: actorOf(c.get("caller")), isForced: c.req.valid("json").force };
    const left = await callReconciler(async () => await reconcilerOf(c.env).thaw(options));
    if (left !== null) {
      const detail = "POST /v1/operations/recover with apply, to its end; or thaw with force.";
      throw new Problem(left, { detail });
    }
    return c.json({ frozen: null });
  })
  .post("/recover", requireScopes("operations:write"), optionalBody(RecoverSchema), async (c) => {
    const { apply: isApplied, force, cursor } = c.req.valid("json");
    const state = await callReconciler(async () => await reconcilerOf(c.env).recovery());
    if (state === null) throw new Problem("not_frozen");
    const { frozen, beat } = state;
    const from = decodeCursor(cursor ?? undefined, CursorSchema);
    const run = from?.run ?? v4();
    if (isApplied && from === null) {
      if (!force) await waitForLastCalls(c, frozen.at_ms);
      await callReconciler(async () => await reconcilerOf(c.env).beginRecovery(run));
    } else if (isApplied && frozen.run !== run) {
      throw new Problem("recovery_reset", { detail: "Begin again without a cursor." });
    }
    const ports: RecoverPorts = {
      ...portsOf(c),
      db: fenced(c.env.DB, { beat, mayBeFrozen: true }),
      since_ms: frozen.restoredTo_ms ?? frozen.at_ms,
      isApplied,
    };
    const page = await callStock(
      () => recoverPage(from ?? RECOVER_START, ports),
      RECOVER_TIMEOUT_MS,
    );
    const { next, ...done } = page;
    if (isApplied && next === null) {
      await callReconciler(async () => await reconcilerOf(c.env).endRecovery(run));
    }
    return c.json({ applied: isApplied, ...done, nextCursor: cursorText(next, run) });
  })
  .post("/orphans", requireScopes("operations:write"), body(OrphanSchema), async (c) => {
    const { sku, orderId, action } = c.req.valid("json");
    const ports = portsOf(c);
    const isKnown = (await getOrder(ports.db, orderId)) !== null;
    const [lock] = await callStock(async () => await c.env.STOCK.decisionsFor(sku, [orderId]));
    if (isKnown || !lock) throw new Problem("not_an_orphan");
    if (action === "adopt") {
      const adopted = await callStock(() => adoptOrder(sku, orderId, ports));
      const detail = "The item keeps nothing to rebuild the order from. It can only be released.";
      if (!adopted) throw new Problem("not_an_orphan", { detail });
      // Its commit, or its deadline, may be due.
      await scheduleReconcile(c.env, Date.now());
      return c.json({ orderId, status: adopted.after });
    }
    const facts = { orderId, customerId: "", lines: [{ sku, quantity: lock.quantity || 1 }] };
    const event = orderEvent("order.cancelled", facts, Date.now());
    const outcomes = await callStock(async () => await c.env.STOCK.execute([event], RELEASE_MS));
    if (outcomes.some(({ type }) => type === "stock.released"))
      return c.json({ orderId, status: null });
    throw new Problem("not_an_orphan", { detail: "The item has sold the units; adopt the order." });
  });

function portsOf(c: Context<AppEnv>) {
  const { env } = c;
  const db = fenced(env.DB, { beat: 0 });
  return { db, stock: env.STOCK, policy: policyOf(env), now: Date.now };
}

/** What is still on its way to the items would make what they say now untrue a moment later. */
async function waitForLastCalls(c: Context<AppEnv>, frozenAt_ms: number): Promise<void> {
  const left_ms = frozenAt_ms + LAST_CALLS_MS - Date.now();
  if (left_ms > 0) {
    const seconds = String(Math.ceil(left_ms / 1_000));
    const detail = `Calls that began before the freeze have ended in ${seconds} s.`;
    throw new Problem("recovery_waits", { detail, headers: { "Retry-After": seconds } });
  }
  const metrics = async () => await c.env.ORDER_EVENTS.metrics();
  const { backlogCount } = await withTimeout(BACKLOG_TIMEOUT_MS, metrics, "the queue");
  if (backlogCount === 0) return;
  const detail = `${backlogCount} messages are on their way to the items. Repeat the call, or send force.`;
  throw new Problem("recovery_waits", { detail, headers: { "Retry-After": "5" } });
}

const cursorText = (next: RecoverCursor | null, run: string): string | null =>
  encodeCursor(next && JSON.stringify({ ...next, run }));
