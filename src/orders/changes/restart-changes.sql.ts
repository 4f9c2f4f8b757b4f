import { listWebhooks } from "../webhooks/webhooks.sql.ts";
import { cursorOf } from "./change.ts";

const EPOCH_CHARS = 12;

/**
 * Begins another epoch of the changes, because the database has another past: readers are told
 * `changes_reset`. The couriers of webhooks go on behind the newest row that there is now.
 */
export async function restartChanges(db: D1Database): Promise<void> {
  const epoch = crypto.randomUUID().replaceAll("-", "").slice(0, EPOCH_CHARS);
  const newest = await db
    .prepare("SELECT coalesce(max(id), 0) AS row FROM changes")
    .first<{ row: number }>();
  const cursor = cursorOf(epoch, { row: newest?.row ?? 0, index: null });
  const webhooks = await listWebhooks(db);
  await db.batch([
    db
      .prepare(
        `INSERT INTO change_epoch (id, epoch) VALUES (1, ?)
         ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch`,
      )
      .bind(epoch),
    ...webhooks.map(({ id }) =>
      db.prepare("UPDATE webhooks SET starts_after = ?2 WHERE id = ?1").bind(id, cursor),
    ),
  ]);
}
