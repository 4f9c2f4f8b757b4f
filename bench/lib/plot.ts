/** Bar plots as SVG, by hand: a group of bars for each concurrency, whiskers from least to most. */

export interface Bar {
  label: string;
  value: number;
  min: number;
  max: number;
}

export interface Plot {
  title: string;
  /** What the upright axis counts, with its unit. */
  unit: string;
  groups: { label: string; bars: Bar[] }[];
}

const WIDTH = 760;
const HEIGHT = 360;
const LEFT = 70;
const RIGHT = 20;
const TOP = 70;
const BOTTOM = 40;
/** Okabe and Ito's palette: told apart by the colour-blind too. */
const COLOURS = ["#0072b2", "#56b4e9", "#e69f00", "#d55e00", "#999999", "#009e73"];
const MAX_TICKS = 6;

export function barPlot({ title, unit, groups }: Plot): string {
  const bars = groups.flatMap((group) => group.bars);
  const labels = [...new Set(bars.map(({ label }) => label))];
  const most = Math.max(...bars.map(({ max }) => max), 0);
  const step = niceStep(most / MAX_TICKS);
  const ticks = Math.max(1, Math.ceil(most / step));
  const top = step * ticks;
  const y = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const groupWidth = (WIDTH - LEFT - RIGHT) / groups.length;
  const barWidth = Math.min(48, (groupWidth * 0.8) / labels.length);

  const parts = [
    text(LEFT, 22, title, 'font-size="15" font-weight="bold"'),
    text(LEFT, TOP - 8, unit, 'font-size="11" fill="#555"'),
    ...labels.flatMap((label, i) => legend(label, i)),
  ];
  for (let tick = 0; tick <= ticks; tick++) {
    const at = y(tick * step);
    parts.push(line(LEFT, at, WIDTH - RIGHT, at, tick === 0 ? "#333" : "#ddd"));
    parts.push(text(LEFT - 6, at + 4, number(tick * step), 'text-anchor="end" font-size="11"'));
  }
  for (const [g, group] of groups.entries()) {
    const middle = LEFT + groupWidth * (g + 0.5);
    parts.push(text(middle, HEIGHT - 14, group.label, 'text-anchor="middle" font-size="12"'));
    for (const [b, bar] of group.bars.entries()) {
      const x = middle + (b - group.bars.length / 2) * barWidth;
      parts.push(...drawBar(bar, x, barWidth, y, COLOURS[labels.indexOf(bar.label)] ?? "#000"));
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" role="img" aria-label="${escape(title)}">
<rect width="100%" height="100%" fill="#fff"/>
${parts.join("\n")}
</svg>
`;
}

function drawBar(
  { label, value, min, max }: Bar,
  x: number,
  width: number,
  y: (value: number) => number,
  colour: string,
): string[] {
  const middle = x + width / 2;
  return [
    `<rect x="${f(x + 1)}" y="${f(y(value))}" width="${f(width - 2)}" height="${f(y(0) - y(value))}" fill="${colour}"><title>${escape(label)}: ${number(value)}</title></rect>`,
    line(middle, y(min), middle, y(max), "#222"),
    text(middle, y(max) - 4, number(value), 'text-anchor="middle" font-size="10"'),
  ];
}

function legend(label: string, i: number): string[] {
  const x = LEFT + i * 135;
  return [
    `<rect x="${x}" y="34" width="11" height="11" fill="${COLOURS[i]}"/>`,
    text(x + 16, 44, label, 'font-size="12"'),
  ];
}

/** 1, 2 or 5 times a power of ten, not below `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least > 0 ? least : 1));
  return ([1, 2, 5].find((factor) => factor * power >= least) ?? 10) * power;
}

const f = (value: number): string => value.toFixed(1);
const number = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en") : `${Number(value.toPrecision(2))}`;
const line = (x1: number, y1: number, x2: number, y2: number, colour: string): string =>
  `<line x1="${f(x1)}" y1="${f(y1)}" x2="${f(x2)}" y2="${f(y2)}" stroke="${colour}"/>`;
const text = (x: number, y: number, words: string, attributes: string): string =>
  `<text x="${f(x)}" y="${f(y)}" ${attributes}>${escape(words)}</text>`;
const escape = (words: string): string =>
  words.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
