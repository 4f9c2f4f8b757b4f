import * as v from "valibot";
import { MAX_EVENTS_PER_MESSAGE, MAX_MESSAGE_BYTES } from "./limits.ts";

/**
 * A queue message is one event, or an envelope of many. `attempts` counts the earlier deliveries of
 * the events in a re-sent envelope, so that re-sending cannot go on for ever.
 */
export const EnvelopeSchema = v.object({
  type: v.literal("batch"),
  version: v.literal(1),
  id: v.string(),
  at: v.string(),
  attempts: v.pipe(v.number(), v.integer(), v.minValue(0)),
  events: v.pipe(v.array(v.unknown()), v.minLength(1), v.maxLength(MAX_EVENTS_PER_MESSAGE)),
});

export type Envelope = v.InferOutput<typeof EnvelopeSchema>;

export interface EventHeader {
  id: string;
  at: string;
}

const utf8 = new TextEncoder();
/** Size of the JSON text in bytes. */
export const jsonBytes = (value: unknown): number =>
  utf8.encode(JSON.stringify(value) ?? "").byteLength;

/** Packs events into as few messages as the limits allow, in order. */
export function pack<E extends EventHeader>(events: readonly E[], attempts = 0): (E | Envelope)[] {
  const groups: E[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const event of events) {
    const size = jsonBytes(event);
    const last = groups.at(-1);
    if (last && last.length < MAX_EVENTS_PER_MESSAGE && bytes + size <= MAX_MESSAGE_BYTES) {
      last.push(event);
      bytes += size;
    } else {
      groups.push([event]);
      bytes = size;
    }
  }
  return groups.map((group) => wrap(group, attempts));
}

function wrap<E extends EventHeader>(group: E[], attempts: number): E | Envelope {
  const first = group[0];
  if (!first) throw new RangeError("an envelope needs an event");
  if (group.length === 1 && attempts === 0) return first;
  const { id, at } = first;
  return { type: "batch", version: 1, id: `batch:${id}`, at, attempts, events: group };
}

/** The events of a message body, not yet decoded. */
export function unpack(body: unknown): { events: unknown[]; attempts: number } {
  const envelope = v.safeParse(EnvelopeSchema, body);
  return envelope.success ? envelope.output : { events: [body], attempts: 0 };
}
