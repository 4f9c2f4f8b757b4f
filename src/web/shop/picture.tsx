/**
 * A placeholder for an item's picture: quarter circles, discs and bars, composed from a hash of the
 * SKU, so that an item always looks the same. The style sheet has the colours.
 */
export function Picture({ sku }: { sku: string }) {
  const random = randomFrom(sku);
  const palette = Math.floor(random() * PALETTES);
  const tiles = Array.from({ length: COLUMNS * ROWS }, (_, i) => ({
    x: (i % COLUMNS) * SIZE,
    y: Math.floor(i / COLUMNS) * SIZE,
    ground: 1 + Math.floor(random() * 3),
    colour: 1 + Math.floor(random() * 4),
    shape: Math.floor(random() * SHAPES.length),
    turn: Math.floor(random() * 4) * 90,
  }));
  return (
    <svg
      class={`picture palette-${palette}`}
      viewBox={`0 0 ${COLUMNS * SIZE} ${ROWS * SIZE}`}
      preserveAspectRatio="xMidYMid slice"
      aria-hidden="true"
    >
      {tiles.map(({ x, y, ground, colour, shape, turn }) => (
        <g transform={`translate(${x} ${y})`}>
          <rect class={`fill-${ground}`} width={SIZE + 0.5} height={SIZE + 0.5} />
          <path
            class={`fill-${colour === ground ? 4 : colour}`}
            transform={`rotate(${turn} ${SIZE / 2} ${SIZE / 2})`}
            d={SHAPES[shape] ?? ""}
          />
        </g>
      ))}
    </svg>
  );
}

const PALETTES = 8;
const COLUMNS = 4;
const ROWS = 3;
const SIZE = 40;
const SHAPES = [
  "M0 0H40A40 40 0 0 1 0 40Z",
  "M0 0A40 40 0 0 0 40 40V0Z",
  "M20 4A16 16 0 1 1 19.9 4Z",
  "M0 40A20 20 0 0 1 40 40Z",
  "M0 0H40L0 40Z",
  "M0 0H40V8H0ZM0 16H40V24H0ZM0 32H40V40H0Z",
  "M0 0H20A20 20 0 0 1 0 20ZM40 40H20A20 20 0 0 1 40 20Z",
] as const;

/** mulberry32, seeded by an FNV-1a hash of the text. */
function randomFrom(text: string): () => number {
  let state = 0x811c9dc5;
  for (const char of text) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
