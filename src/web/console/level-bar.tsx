import { count } from "../shared/format.ts";

const PARTS = ["sold", "held", "available"] as const;

/** Shows received = available + held + sold as one bar. */
export function LevelBar({
  level,
  label,
}: {
  level: Record<(typeof PARTS)[number] | "received", number>;
  label: string;
}) {
  const { received } = level;
  const text = PARTS.map((part) => `${count(level[part])} ${part}`).join(", ");
  return (
    <div class="level" role="img" aria-label={`${label}: ${text} of ${count(received)} received`}>
      {PARTS.map((part) => (
        <span
          class={part}
          title={`${part}: ${count(level[part])}`}
          style={{ width: `${received === 0 ? 0 : (100 * level[part]) / received}%` }}
        />
      ))}
    </div>
  );
}

export function LevelLegend() {
  return (
    <ul class="legend" aria-hidden="true">
      {PARTS.map((part) => (
        <li class={part}>{part}</li>
      ))}
    </ul>
  );
}
