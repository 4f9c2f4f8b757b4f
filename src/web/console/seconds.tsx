import { clockTime, count } from "../shared/format.ts";

/** A level at a second. */
export interface Sample {
  at_ms: number;
  available: number;
  held: number;
  sold: number;
}

const WIDTH = 600;
const HEIGHT = 96;
const PARTS = ["sold", "held", "available"] as const;

/** The levels of the last two minutes, stacked, a column each. */
export function Seconds({ samples }: { samples: readonly Sample[] }) {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last) return <></>;
  const most = Math.max(...samples.map((s) => s.sold + s.held + s.available), 1);
  const step = WIDTH / samples.length;
  const summary = `From ${clockTime(first.at_ms)} to ${clockTime(last.at_ms)}: sold ${count(first.sold)} to ${count(last.sold)}, held ${count(first.held)} to ${count(last.held)}, available ${count(first.available)} to ${count(last.available)}.`;
  return (
    <figure class="seconds">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={summary}
      >
        {samples.map((sample, i) => {
          let below = 0;
          return PARTS.map((part) => {
            const height = (HEIGHT * sample[part]) / most;
            below += height;
            return (
              <rect
                class={`column ${part}`}
                x={i * step}
                y={HEIGHT - below}
                width={step}
                height={height}
              />
            );
          });
        })}
      </svg>
      <figcaption class="hint digits">
        By the second, from {clockTime(first.at_ms)} to {clockTime(last.at_ms)}
      </figcaption>
    </figure>
  );
}
