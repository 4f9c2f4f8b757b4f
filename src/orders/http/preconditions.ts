import * as v from "valibot";
import type { Precondition } from "../items/items.sql.ts";

/** Conditional requests for items (RFC 9110, 13). */

const MAX_TAGS_CHARS = 1_000;
/** `*`, or entity tags by commas; weak ones are allowed and never match (RFC 9110, 13.1.1). */
const TAGS = /^(?:\*|(?:(?:W\/)?"[!#-~]*")(?:[ \t]*,[ \t]*(?:W\/)?"[!#-~]*")*)$/;

const tags = v.optional(
  v.pipe(
    v.string(),
    v.maxLength(MAX_TAGS_CHARS),
    v.regex(TAGS, 'must be * or entity tags like "3.17"'),
  ),
);

/** The headers of a request that writes an item. */
export const WriteConditions = v.object({
  "if-match": tags,
  "if-none-match": v.optional(v.literal("*", "must be * in a request that writes")),
});

export const preconditionOf = (headers: v.InferOutput<typeof WriteConditions>): Precondition => ({
  ifRevision: revisionsOf(headers["if-match"]),
  ifAbsent: headers["if-none-match"] === "*",
});

/** The revisions that the tags name; the version of the level plays no part. */
function revisionsOf(header: string | undefined): Precondition["ifRevision"] {
  if (header === undefined) return null;
  if (header === "*") return "any";
  const strong = header.matchAll(/(W\/)?"(\d{1,15})\.\d{1,15}"/g);
  return [...strong].flatMap(([, weak, revision]) => (weak ? [] : [Number(revision)]));
}

/** Whether `If-None-Match` of a GET names this tag, also weakly (RFC 9110, 13.1.2). */
export function isUnchanged(header: string | undefined, etag: string): boolean {
  if (header === undefined || !TAGS.test(header)) return false;
  return header === "*" || header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
