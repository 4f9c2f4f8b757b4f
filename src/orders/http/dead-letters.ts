import { Hono } from "hono";
import * as v from "valibot";
import {
  deleteDeadLetter,
  getDeadLetter,
  listDeadLetters,
} from "../dead-letters/dead-letters.sql.ts";
import { replayDeadLetter } from "../operators/replay-dead-letter.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { paginate, pageQuery, decodeCursor } from "./pagination.ts";
import { invalid, Problem } from "./problem.ts";
import { query } from "./validation.ts";

/** The last letter of a page: its time in ms, a space, its id. */
const PositionSchema = v.pipe(
  v.string(),
  v.regex(/^\d{1,15} .{1,300}$/),
  v.transform((text) => {
    const [at = "", ...id] = text.split(" ");
    return { at_ms: Number(at), id: id.join(" ") };
  }),
);

export const deadLetters = new Hono<AppEnv>()
  .get("/", requireScopes("operations:read"), query(v.strictObject(pageQuery)), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const after = decodeCursor(cursor, PositionSchema);
    const found = await listDeadLetters(c.env.DB, { after, limit: limit + 1 });
    const { page, nextCursor } = paginate(found, limit, ({ at, id }) => `${Date.parse(at)} ${id}`);
    return c.json({ deadLetters: page, nextCursor });
  })
  .post("/:id/replay", requireScopes("operations:write"), async (c) => {
    const letter = await getDeadLetter(c.env.DB, c.req.param("id"));
    if (!letter) throw letterNotFound;
    const outcome = await replayDeadLetter(c.env, letter);
    if (outcome !== "unknown_queue") return c.json({ id: letter.id, outcome });
    const queue = JSON.stringify(letter.queue);
    const message = `names a dead letter without a known event, from a queue that this deployment does not have (${queue}): discard it`;
    throw invalid([{ path: "id", message }]);
  })
  .delete("/:id", requireScopes("operations:write"), async (c) => {
    if (!(await deleteDeadLetter(c.env.DB, c.req.param("id")))) throw letterNotFound;
    return c.body(null, 204);
  });

const letterNotFound = new Problem("not_found", { detail: "There is no such dead letter." });
