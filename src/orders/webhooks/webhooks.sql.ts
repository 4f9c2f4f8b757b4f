import type { ChangeType } from "../changes/change.ts";
import type { EarlierSecret, EndpointTroubles, Webhook, WebhookState, WhyOff } from "./webhook.ts";

/** The table `webhooks`. */

/** Endpoints of a shop. Each has a courier that reads all changes. */
export const MAX_WEBHOOKS = 20;
/** How long the secret before a rotation still signs. */
const ROTATION_MS = 24 * 3_600_000;
/** Of the last so many rotations: each is another signature of every event. */
const MAX_PREVIOUS = 5;

interface WebhookRow {
  id: string;
  url: string;
  types: string;
  secret: string;
  previous_secret: string | null;
  previous_until: number | null;
  earlier_secrets: string;
  state: WebhookState;
  why: WhyOff | null;
  off_since: number | null;
  starts_after: string;
  failing_since: number | null;
  near_limit_since: number | null;
  created_at: number;
}

const webhookFromRow = (row: WebhookRow): Webhook => ({
  id: row.id,
  url: row.url,
  types: JSON.parse(row.types) as ChangeType[],
  secret: row.secret,
  previous:
    row.previous_secret === null
      ? null
      : { secret: row.previous_secret, until_ms: row.previous_until ?? 0 },
  earlier: JSON.parse(row.earlier_secrets) as EarlierSecret[],
  state: row.state,
  why: row.why,
  offSince_ms: row.off_since,
  startsAfter: row.starts_after,
  failingSince_ms: row.failing_since,
  nearLimitSince_ms: row.near_limit_since,
  createdAt_ms: row.created_at,
});

/** Oldest first; at most `MAX_WEBHOOKS`. */
export async function listWebhooks(db: D1Database): Promise<Webhook[]> {
  const { results } = await db
    .prepare(`SELECT * FROM webhooks ORDER BY created_at, id LIMIT ${MAX_WEBHOOKS}`)
    .all<WebhookRow>();
  return results.map(webhookFromRow);
}

export async function getWebhook(db: D1Database, id: string): Promise<Webhook | null> {
  const row = await db.prepare("SELECT * FROM webhooks WHERE id = ?").bind(id).first<WebhookRow>();
  return row && webhookFromRow(row);
}

export type NewWebhook = Pick<
  Webhook,
  "id" | "url" | "types" | "secret" | "startsAfter" | "createdAt_ms"
>;

/** False: there are `MAX_WEBHOOKS` already. */
export async function insertWebhook(db: D1Database, made: NewWebhook): Promise<boolean> {
  const { id, url, types, secret, startsAfter, createdAt_ms } = made;
  const { meta } = await db
    .prepare(
      `INSERT INTO webhooks (id, url, types, secret, starts_after, created_at)
       SELECT ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM webhooks) < ${MAX_WEBHOOKS}`,
    )
    .bind(id, url, JSON.stringify(types), secret, startsAfter, createdAt_ms)
    .run();
  return meta.changes > 0;
}

export interface WebhookPatch {
  url?: string | undefined;
  types?: ChangeType[] | undefined;
  state?: WebhookState | undefined;
}

/**
 * Changes what the patch names. Switched on again, an endpoint whose changes are no longer kept begins
 * at `newest`. Returns the webhook as it is then; null: there is none.
 */
export async function patchWebhook(
  db: D1Database,
  id: string,
  { url, types, state }: WebhookPatch,
  { newest, now_ms }: { newest: string; now_ms: number },
): Promise<Webhook | null> {
  const row = await db
    .prepare(
      `UPDATE webhooks SET url = coalesce(?2, url), types = coalesce(?3, types),
         state = coalesce(?4, state),
         starts_after = iif(?4 = 'on' AND why = 'changes_reset', ?5, starts_after),
         why = CASE ?4 WHEN 'on' THEN NULL WHEN 'off' THEN 'operator' ELSE why END,
         off_since = CASE ?4 WHEN 'on' THEN NULL WHEN 'off' THEN ?6 ELSE off_since END
       WHERE id = ?1 RETURNING *`,
    )
    .bind(id, url ?? null, types ? JSON.stringify(types) : null, state ?? null, newest, now_ms)
    .first<WebhookRow>();
  return row && webhookFromRow(row);
}

/**
 * Gives a new secret. Each one before goes on signing beside it until a day after its own rotation: if the
 * answer is lost, a repeat gives a third secret, and the endpoint still has the first.
 */
export async function rotateSecret(
  db: D1Database,
  { id, secret }: { id: string; secret: string },
  now_ms: number,
): Promise<Webhook | null> {
  const row = await db
    .prepare(
      `UPDATE webhooks SET previous_secret = secret, previous_until = ?3, secret = ?2,
         earlier_secrets = (SELECT json_group_array(json(value)) FROM (
           SELECT value FROM (
             SELECT json_object('secret', previous_secret, 'until_ms', previous_until) AS value
             UNION ALL SELECT value FROM json_each(earlier_secrets))
           WHERE value->>'until_ms' > ?4 LIMIT ${MAX_PREVIOUS - 1}))
       WHERE id = ?1 RETURNING *`,
    )
    .bind(id, secret, now_ms + ROTATION_MS, now_ms)
    .first<WebhookRow>();
  return row && webhookFromRow(row);
}

/** Switches it off, unless an operator has switched it or changed where it posts since it was read. */
export async function switchOff(
  db: D1Database,
  { id, url, startsAfter }: Webhook,
  why: WhyOff,
  now_ms: number,
): Promise<void> {
  await db
    .prepare(
      `UPDATE webhooks SET state = 'off', why = ?4, off_since = ?5
       WHERE id = ?1 AND url = ?2 AND starts_after = ?3 AND state = 'on'`,
    )
    .bind(id, url, startsAfter, why, now_ms)
    .run();
}

export async function setTroubles(
  db: D1Database,
  id: string,
  { failingSince_ms, nearLimitSince_ms }: EndpointTroubles,
): Promise<void> {
  await db
    .prepare("UPDATE webhooks SET failing_since = ?2, near_limit_since = ?3 WHERE id = ?1")
    .bind(id, failingSince_ms, nearLimitSince_ms)
    .run();
}

/** What failed in the future, by a clock that ran ahead, fails since now. */
export async function endFailingAhead(db: D1Database, now_ms: number): Promise<void> {
  await db
    .prepare("UPDATE webhooks SET failing_since = ?1 WHERE failing_since > ?1")
    .bind(now_ms)
    .run();
}

/** False: there was none. */
export async function deleteWebhook(db: D1Database, id: string): Promise<boolean> {
  const { meta } = await db.prepare("DELETE FROM webhooks WHERE id = ?").bind(id).run();
  return meta.changes > 0;
}

/** Has every courier begin anew, after this cursor. */
export const restartCouriers = (db: D1Database, cursor: string): D1PreparedStatement =>
  db.prepare("UPDATE webhooks SET starts_after = ?").bind(cursor);
