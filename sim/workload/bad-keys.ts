import { Random } from "../../scripts/lib/random.ts";
import type { HeaderLine } from "../platform/http.ts";
import type { CartLine, ClientPlan, Step } from "./steps.ts";

/** Orders with keys that cannot be told apart or that came twice: no such order may be placed. */

const NAME = "Idempotency-Key";

/** Header lines of one call; what is written as `\xe9` goes out as that byte. */
const PAIRS: readonly (readonly [HeaderLine[], HeaderLine[]])[] = [
  // No UTF-8: the runtime shows both as caf\ufffd-1.
  [[[NAME, "caf\xe9-1"]], [[NAME, "caf\xe8-1"]]],
  // The same key in UTF-8 and sent once more.
  [[[NAME, "caf\xc3\xa9-1"]], [[NAME, "caf\xc3\xa9-1"]]],
  // Twice is another header value than once.
  [
    [
      [NAME, "key-1"],
      [NAME, "key-1"],
    ],
    [
      [NAME, '"key-1"'],
      [NAME, '"key-2"'],
    ],
  ],
];

/** A customer of its own, in some runs, from a stream of its own: the other customers stay. */
export function badKeysFor(
  seed: number,
  { skus, from_ms, length_ms }: { skus: readonly string[]; from_ms: number; length_ms: number },
): ClientPlan[] {
  const r = new Random(seed, "bad keys");
  if (!r.chance(0.2)) return [];
  const cart = (): CartLine[] => [{ sku: r.pick(skus), quantity: r.int(1, 2) }];
  const steps = Array.from({ length: r.int(1, 2) }, (): Step => {
    const [first, second] = r.pick(PAIRS);
    return {
      at_ms: from_ms + r.between(0, length_ms),
      do: "bad keys",
      tries: [
        { lines: cart(), keys: first },
        { lines: cart(), keys: second },
      ],
    };
  });
  return [{ name: "typist", skew_ms: 0, steps }];
}
