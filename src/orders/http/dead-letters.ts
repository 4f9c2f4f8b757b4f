import { Hono } from "hono";
import * as v from "valibot";
import { dropLetter, getLetter, listLetters } from "../dead-letters/dead-letters.sql.ts";
import { replay } from "../dead-letters/replay.ts";
import type { AppEnv } from "./app.ts";
import { needs } from "./auth.ts";
import { page, pageQuery, placeOf } from "./pages.ts";
import { invalid, Problem } from "./problem.ts";
import { query } from "./validate.ts";

const PlaceSchema = v.pipe(
  v.string(),
  v.regex(/^\d{1,15} .{1,300}$/),
  v.transform((text) => {
    const [at = "", ...id] = text.split(" ");
    return { at_ms: Number(at), id: id.join(" ") };
  }),
);

export const deadLetters = new Hono<AppEnv>()
  .get("/", needs("operations:read"), query(v.object(pageQuery)), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const after = placeOf(cursor, PlaceSchema);
    const found = await listLetters(c.env.DB, { after, limit: limit + 1 });
    const { shown, nextCursor } = page(found, limit, ({ at, id }) => `${Date.parse(at)} ${id}`);
    return c.json({ deadLetters: shown, nextCursor });
  })
  .post("/:id/replay", needs("operations:write"), async (c) => {
    const letter = await getLetter(c.env.DB, c.req.param("id"));
    if (!letter) throw new Problem("not_found", { detail: "There is no such dead letter." });
    const outcome = await replay(c.env, letter);
    if (outcome !== "unknown_queue") return c.json({ id: letter.id, outcome });
    const queue = JSON.stringify(letter.queue);
    const message = `names a letter without a known event, of a queue that this deployment does not have (${queue}): discard it`;
    throw invalid([{ path: "id", message }]);
  })
  .delete("/:id", needs("operations:write"), async (c) => {
    const isDropped = await dropLetter(c.env.DB, c.req.param("id"));
    if (!isDropped) throw new Problem("not_found", { detail: "There is no such dead letter." });
    return c.body(null, 204);
  });
