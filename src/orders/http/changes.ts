import { Hono } from "hono";
import * as v from "valibot";
import { awaitChanges } from "../changes/await-changes.ts";
import { MAX_CHANGES, readChanges } from "../changes/change-queries.sql.ts";
import { changeView, cursorOf, parseCursor } from "../changes/change.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { leaderOf } from "./background.ts";
import { limitParameter } from "./pagination.ts";
import { applyPreference } from "./prefer.ts";
import { Problem } from "./problem.ts";
import { query } from "./validation.ts";

const CursorSchema = v.pipe(
  v.string(),
  v.maxLength(100),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const cursor = parseCursor(dataset.value);
    if (cursor !== null) return cursor;
    addIssue({ message: "is not a cursor of the changes" });
    return NEVER;
  }),
);

export const ChangesQuery = v.strictObject({
  after: v.optional(CursorSchema),
  limit: limitParameter(MAX_CHANGES, 100),
});

/** What happened to orders, payments and items, in the order of commits. */
export const changes = new Hono<AppEnv>().get(
  "/",
  requireScopes("operations:read"),
  query(ChangesQuery),
  async (c) => {
    const { after = null, limit } = c.req.valid("query");
    const { wait_ms } = applyPreference(c);
    const { DB: db } = c.env;
    let page = await readChanges(db, after, limit);
    if (page !== "reset" && page.changes.length === 0 && wait_ms > 0) {
      if (await awaitChanges(leaderOf(c), page.next, wait_ms))
        page = await readChanges(db, after, limit);
    }
    if (page === "reset") throw new Problem("changes_reset");
    const { epoch, next } = page;
    return c.json({
      changes: page.changes.map((change) => changeView(change, epoch)),
      nextCursor: cursorOf(epoch, next),
    });
  },
);
