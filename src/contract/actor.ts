import * as v from "valibot";

/** Who did something: a customer or a service by the `sub` of its token, or the system itself. */
export const ActorSchema = v.object({
  kind: v.picklist(["customer", "service", "system"]),
  /** Null for the system. */
  sub: v.nullable(v.string()),
});

export type Actor = v.InferOutput<typeof ActorSchema>;

export const SYSTEM: Actor = { kind: "system", sub: null };
