/** A Markdown table: the first column is text, the others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, i) => (i === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

export const whole = (value: number): string => Math.round(value).toLocaleString("en");

/** Three digits, and no more zeros than are needed. */
export const short = (value: number): string =>
  value === 0 ? "0" : value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
