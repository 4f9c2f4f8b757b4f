import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, vi } from "vitest";
import { migrate, reconciler } from "./world.ts";

/** Each test of the file begins on empty storage and ends with the real clock. Nothing is said of what is meant to fail. */
export function useDisasters(): void {
  beforeEach(async () => {
    await reset();
    await migrate();
    vi.spyOn(console, "error").mockReturnValue(undefined);
    vi.spyOn(console, "warn").mockReturnValue(undefined);
  });
  afterEach(() => void vi.useRealTimers());
}

/** All tables of D1, as a restore of the database sees them. */
export type Snapshot = Map<string, Record<string, unknown>[]>;

const TABLES = `SELECT name FROM sqlite_schema WHERE type = 'table'
  AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%cf%' AND name NOT LIKE 'd1%'`;

export async function snapshot(): Promise<Snapshot> {
  const { results } = await env.DB.prepare(TABLES).all<{ name: string }>();
  const tables: Snapshot = new Map();
  for (const { name } of results) {
    const rows = await env.DB.prepare(`SELECT * FROM ${name}`).all<Record<string, unknown>>();
    tables.set(name, rows.results);
  }
  return tables;
}

/** Puts the whole database back, in one transaction, as Time Travel does. */
export async function putBack(tables: Snapshot): Promise<void> {
  const statements = [...tables].flatMap(([name, rows]) => [
    env.DB.prepare(`DELETE FROM ${name}`),
    ...rows.map((row) => {
      const columns = Object.keys(row);
      const places = columns.map(() => "?").join(", ");
      return env.DB.prepare(`INSERT INTO ${name} (${columns.join(", ")}) VALUES (${places})`).bind(
        ...Object.values(row),
      );
    }),
  ]);
  await env.DB.batch(statements);
}

/** Time goes by. Only the clock is faked, so that everything else runs as it does. */
export function pass_ms(ms: number): void {
  const now = Date.now() + ms;
  vi.useRealTimers();
  vi.useFakeTimers({ toFake: ["Date"], now });
}

/** A pass with a beat of its own: within some seconds the reconciler makes no second one. */
export async function beat(): Promise<void> {
  pass_ms(6_000);
  await reconciler().poke();
}
