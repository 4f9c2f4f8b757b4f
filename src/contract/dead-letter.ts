import * as v from "valibot";

/** A message, or one event of a packed message, stored for an operator to inspect. */
export const DeadLetterSchema = v.object({
  type: v.literal("dead-letter"),
  version: v.literal(1),
  id: v.string(),
  queue: v.string(),
  body: v.unknown(),
  attempts: v.number(),
  error: v.string(),
  at: v.string(),
});

export type DeadLetter = Omit<v.InferOutput<typeof DeadLetterSchema>, "type" | "version">;
