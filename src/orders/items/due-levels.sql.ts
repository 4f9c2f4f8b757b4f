/** Which items have to be asked for their level. Reads the table `items`. */

/** On a row of `items`: orders of it may be refused at the door. An index has these very terms. */
const IS_REFUSING = "(available = 0 OR paused = 1)";

/** An item to be asked, with what D1 knows of it. */
export interface DueLevel {
  sku: string;
  levelVersion: number;
  breaches: number;
  /** The last that said which it is; null: none has. */
  incarnation: string | null;
  /** The version that it told. */
  incarnationVersion: number;
  /** When it was told last; null: never. */
  toldAt_ms: number | null;
  trust_ms: number;
  isRefusing: boolean;
}

export interface DueLevels {
  due: DueLevel[];
  /** Further items to be asked, for which this part has no room. */
  left: number;
  /** Items looked at. */
  seen: number;
  /** Where to go on; '' at the end of the catalogue. */
  next: string;
}

interface Part {
  /** Items that refuse orders, by an index of their own; or the whole catalogue for the others. */
  isRefusing: boolean;
  after: string;
  /** Trust that ends before this is renewed. */
  before_ms: number;
  /** Items to look at, at most. */
  rows: number;
  /** Items to ask, at most. */
  asks: number;
}

const listSql = (from: string, alsoWhere: string): string => `
  WITH seen AS MATERIALIZED (
      SELECT sku, level_version, incarnation, incarnation_version, breaches, level_at, level_trust,
        ${IS_REFUSING} AS is_refusing
      ${from} ORDER BY sku LIMIT ?3),
    due AS MATERIALIZED (
      SELECT * FROM seen WHERE (level_at IS NULL OR level_at + level_trust < ?2) ${alsoWhere}),
    asked AS MATERIALIZED (SELECT * FROM due ORDER BY sku LIMIT ?4)
  SELECT (SELECT count(*) FROM seen) AS seen, (SELECT max(sku) FROM seen) AS last,
    (SELECT count(*) FROM seen WHERE sku <= (SELECT max(sku) FROM asked)) AS seen_to_asked,
    (SELECT count(*) FROM due) AS waiting,
    (SELECT json_group_array(json_object('sku', sku, 'levelVersion', level_version,
       'incarnation', incarnation, 'incarnationVersion', incarnation_version,
       'breaches', breaches, 'toldAt_ms', level_at, 'trust_ms', level_trust,
       'isRefusing', is_refusing)) FROM asked) AS asked`;
const LIST_REFUSING = listSql(
  `FROM items INDEXED BY items_refusing WHERE ${IS_REFUSING} AND sku > ?1`,
  "",
);
const LIST_OTHERS = listSql("FROM items WHERE sku > ?1", "AND NOT is_refusing");

interface Row {
  seen: number;
  last: string | null;
  seen_to_asked: number;
  waiting: number;
  /** JSON. */
  asked: string;
}

/** Looks at the next items by SKU, and lists those to be asked. An unknown level is due. */
export async function dueLevels(
  db: D1Database,
  { isRefusing, after, before_ms, rows, asks }: Part,
): Promise<DueLevels> {
  const row = await (isRefusing ? db.prepare(LIST_REFUSING) : db.prepare(LIST_OTHERS))
    .bind(after, before_ms, rows, asks)
    .first<Row>();
  if (!row) return { due: [], left: 0, seen: 0, next: "" };
  const found = JSON.parse(row.asked) as (Omit<DueLevel, "isRefusing"> & { isRefusing: 0 | 1 })[];
  const due = found.map((one) => ({ ...one, isRefusing: one.isRefusing === 1 }));
  // Those behind the last one that is asked are looked at in the next part.
  const lastAsked = due.length === asks ? due.at(-1) : undefined;
  const left = row.waiting - due.length;
  if (lastAsked) return { due, left, seen: row.seen_to_asked, next: lastAsked.sku };
  return { due, left, seen: row.seen, next: row.seen === rows ? (row.last ?? "") : "" };
}
