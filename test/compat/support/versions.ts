import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toJsonSchema } from "@valibot/to-json-schema";
import { DeadLetterSchema } from "../../../src/contract/dead-letter.ts";
import { EnvelopeSchema } from "../../../src/contract/envelope.ts";
import { OrderEventSchema } from "../../../src/contract/order-events.ts";
import { StockEventSchema } from "../../../src/contract/stock-events.ts";
import { SCHEMA } from "../../../src/stock/item/schema.ts";
import type { Call } from "./calls.ts";
import { migrationNames, migrationText, objectMigrations } from "./migrations.ts";
import type { Ran } from "./platform.ts";
import { day, nextDay } from "./scenario.ts";
import { type Stored, World } from "./world.ts";

/** What is kept of each released version, in `test/compat/<version>/`. */
export interface Golden {
  /** Bodies by queue; `feed`: what went to WebSockets. */
  messages: Record<string, unknown[]>;
  calls: Call[];
  stored: Stored;
  /** What the version answers the day after, from what it stored. */
  answers: Record<string, unknown>;
  /** Every statement of the day, in its order. */
  statements: Statements;
  /** What the version accepts, as JSON Schemas. */
  schemas: Record<string, object>;
  frozen: Frozen;
}

/** Texts once, and each run as the number of its text and its values. */
export interface Statements {
  texts: string[];
  d1: [text: number, ...values: unknown[]][];
  items: Record<string, [text: number, ...values: unknown[]][]>;
}

/** What may not change any more. */
export interface Frozen {
  /** Hashes of D1's migrations and of the stock item's. */
  migrations: Record<string, string>;
  item: string[];
  /** The classes of Durable Objects, by the file that configures them. */
  objects: Record<string, string[]>;
}

export const CONFIGURATIONS = ["wrangler.toml", "wrangler.stock.toml"];
const FOLDER = join(import.meta.dirname, "..");

/** Oldest first. */
export const versions = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => /^\d+\.\d+\.\d+$/.test(name))
    .toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));

export function golden(version: string): Golden {
  const read = (file: keyof Golden) =>
    JSON.parse(readFileSync(join(FOLDER, version, `${file}.json`), "utf8"));
  return {
    messages: read("messages"),
    calls: read("calls"),
    stored: read("stored"),
    answers: read("answers"),
    statements: read("statements"),
    schemas: read("schemas"),
    frozen: read("frozen"),
  };
}

export const folderOf = (version: string): string => join(FOLDER, version);
export const isKept = (version: string): boolean => existsSync(folderOf(version));

/** Runs today's code and gathers what is to be kept of it. */
export async function record(): Promise<Golden> {
  const world = await World.open();
  await day(world);
  const stored = json(world.stored());
  return {
    messages: world.sent,
    calls: world.calls,
    stored,
    statements: statementsOf(world),
    answers: json(await nextDay(await World.open(stored))),
    schemas: schemas(),
    frozen: frozen(),
  };
}

const json = <T>(value: T): T => JSON.parse(JSON.stringify(value));

function statementsOf({ ran }: World): Statements {
  const texts = new Map<string, number>();
  const numbered = ({ sql, values }: Ran): [number, ...unknown[]] => {
    const text = texts.get(sql) ?? texts.size;
    texts.set(sql, text);
    return [text, ...values];
  };
  const d1 = ran.d1.map(numbered);
  const items = Object.fromEntries(
    Object.entries(ran.items).map(([sku, all]) => [sku, all.map(numbered)]),
  );
  return { texts: [...texts.keys()], d1, items };
}

export function schemas(): Record<string, object> {
  const all = {
    "order-events": OrderEventSchema,
    "stock-events": StockEventSchema,
    "order-events-dlq": DeadLetterSchema,
    batch: EnvelopeSchema,
  };
  return Object.fromEntries(
    Object.entries(all).map(([name, schema]) => [
      name,
      toJsonSchema(schema, {
        target: "draft-2020-12",
        typeMode: "input",
        ignoreActions: ["check"],
      }),
    ]),
  );
}

export function frozen(): Frozen {
  return {
    migrations: Object.fromEntries(
      migrationNames().map((name) => [name, hashOf(migrationText(name))]),
    ),
    item: SCHEMA.map(hashOf),
    objects: Object.fromEntries(CONFIGURATIONS.map((file) => [file, objectMigrations(file)])),
  };
}

/** Of the statements alone: comments and layout may change. */
export function hashOf(sql: string): string {
  return createHash("sha256").update(plain(sql)).digest("hex");
}

export const plain = (sql: string): string =>
  sql
    .replaceAll(/--[^\n]*/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
