import { Fragment } from "preact";
import { count } from "./format.ts";

/** `2 × Tides, 1 × Comet runner`, also with names that are read from right to left. */
export function Lines({ lines }: { lines: readonly { quantity: number; name: string }[] }) {
  return (
    <>
      {lines.map(({ quantity, name }, i) => (
        <Fragment key={`${i}`}>
          {i > 0 ? ", " : ""}
          {count(quantity)} × <bdi>{name}</bdi>
        </Fragment>
      ))}
    </>
  );
}
