import { Hono } from "hono";
import { v4 } from "uuid";
import * as v from "valibot";
import { withTimeout } from "../../runtime/timeout.ts";
import { newestCursor } from "../changes/change-queries.sql.ts";
import type { Delivery } from "../webhooks/courier-store.ts";
import type { CourierStatus } from "../webhooks/courier.ts";
import { courierOf } from "../webhooks/couriers.ts";
import { newSecret } from "../webhooks/signature.ts";
import { type Attempt, type Webhook, webhookView } from "../webhooks/webhook.ts";
import {
  deleteWebhook,
  getWebhook,
  insertWebhook,
  listWebhooks,
  MAX_WEBHOOKS,
  patchWebhook,
  rotateSecret,
} from "../webhooks/webhooks.sql.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { isLoopback } from "./loopback.ts";
import { decodeCursor, encodeCursor } from "./pagination.ts";
import { Problem } from "./problem.ts";
import { body, query } from "./validation.ts";
import {
  assertReachable,
  DeliveriesQuery,
  NewWebhookSchema,
  WebhookPatchSchema,
} from "./webhook-body.ts";

const PositionSchema = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number));

const COURIER_TIMEOUT_MS = 5_000;
/** Longer than the 15 s of an attempt. */
const TEST_TIMEOUT_MS = 20_000;

const writers = requireScopes("webhooks:write");
const readers = requireScopes("webhooks:write", "operations:read");

/** The shop's endpoints that are told what happens. */
export const webhooks = new Hono<AppEnv>()
  .post("/", writers, body(NewWebhookSchema), async (c) => {
    const { url, types } = c.req.valid("json");
    assertReachable(url, isLoopback(new URL(c.req.url).hostname));
    const { DB: db } = c.env;
    const id = v4();
    const startsAfter = await newestCursor(db);
    const made = { id, url, types, secret: newSecret(), startsAfter, createdAt_ms: Date.now() };
    if (!(await insertWebhook(db, made))) {
      const detail = `A shop has at most ${MAX_WEBHOOKS} webhooks.`;
      throw new Problem("too_many_webhooks", { detail });
    }
    // If that fails, the cron wakes it.
    await called(() => courierOf(c.env, id).wake(id)).catch(() => undefined);
    const webhook = await found(db, id);
    return c.json({ ...webhookView(webhook), secret: webhook.secret }, 201);
  })
  .get("/", readers, async (c) => {
    const all = await listWebhooks(c.env.DB);
    return c.json({ webhooks: all.map(webhookView) });
  })
  .get("/:id", readers, async (c) => {
    const webhook = await found(c.env.DB, c.req.param("id"));
    const status: CourierStatus = await called(() => courierOf(c.env, webhook.id).status());
    return c.json({ ...webhookView(webhook), ...status });
  })
  .patch("/:id", writers, body(WebhookPatchSchema), async (c) => {
    const patch = c.req.valid("json");
    if (patch.url !== undefined) {
      assertReachable(patch.url, isLoopback(new URL(c.req.url).hostname));
    }
    const { DB: db } = c.env;
    const id = c.req.param("id");
    const now = { newest: await newestCursor(db), now_ms: Date.now() };
    const webhook = await patchWebhook(db, id, patch, now);
    if (!webhook) throw webhookNotFound;
    await called(() => courierOf(c.env, id).resume(id));
    return c.json(webhookView(webhook));
  })
  .delete("/:id", writers, async (c) => {
    const { id } = await found(c.env.DB, c.req.param("id"));
    // Once its row is gone, nobody else would ever wake the courier: before that it gets an alarm, which
    // a courier that has a webhook always sets again. So it forgets within a day, whatever fails below.
    await called(() => courierOf(c.env, id).wake(id));
    if (!(await deleteWebhook(c.env.DB, id))) throw webhookNotFound;
    await called(() => courierOf(c.env, id).forget()).catch(() => undefined);
    return c.body(null, 204);
  })
  .post("/:id/rotate", writers, async (c) => {
    const rotation = { id: c.req.param("id"), secret: newSecret() };
    const webhook = await rotateSecret(c.env.DB, rotation, Date.now());
    if (!webhook) throw webhookNotFound;
    return c.json({ ...webhookView(webhook), secret: webhook.secret });
  })
  .post("/:id/test", writers, async (c) => {
    const webhook = await found(c.env.DB, c.req.param("id"));
    const test = () => courierOf(c.env, webhook.id).sendTest(webhook);
    const attempt: Attempt = await withTimeout(TEST_TIMEOUT_MS, test, "the courier");
    const { status, answer, took_ms } = attempt;
    return c.json({ status, answer, tookMs: took_ms });
  })
  .get("/:id/deliveries", readers, query(DeliveriesQuery), async (c) => {
    const { limit, cursor, state = null } = c.req.valid("query");
    const before = decodeCursor(cursor, PositionSchema) ?? Number.MAX_SAFE_INTEGER;
    const { id } = await found(c.env.DB, c.req.param("id"));
    const list = () => courierOf(c.env, id).deliveries(state, before, limit);
    const rows: (Delivery & { seq: number })[] = await called(list);
    const deliveries = rows.map(({ seq: _seq, ...delivery }) => deliveryView(delivery));
    const last = rows.length === limit ? rows.at(-1)?.seq : undefined;
    return c.json({ deliveries, nextCursor: encodeCursor(last === undefined ? null : `${last}`) });
  })
  .post("/:id/deliveries/:eventId/resend", writers, async (c) => {
    const { id } = await found(c.env.DB, c.req.param("id"));
    const eventId = c.req.param("eventId");
    if (await called(() => courierOf(c.env, id).resend(id, eventId))) return c.body(null, 202);
    throw new Problem("not_found", { detail: "The event is unknown, or no longer kept." });
  });

/** An event with what is sent. */
export const deliveryView = ({ body: text, ...delivery }: Delivery) => ({
  ...delivery,
  body: JSON.parse(text) as unknown,
});

const webhookNotFound = new Problem("not_found", { detail: "There is no such webhook." });

async function found(db: D1Database, id: string): Promise<Webhook> {
  const webhook = await getWebhook(db, id);
  if (webhook) return webhook;
  throw webhookNotFound;
}

const called = <T>(call: () => PromiseLike<T>): Promise<T> =>
  withTimeout(COURIER_TIMEOUT_MS, call, "the courier");
