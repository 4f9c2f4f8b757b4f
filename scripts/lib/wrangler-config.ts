import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./project.ts";

export interface QueueConsumer {
  queue: string;
  max_batch_size?: number;
  /** In seconds, as `retry_delay`. */
  max_batch_timeout?: number;
  max_retries?: number;
  max_concurrency?: number;
  retry_delay?: number;
  dead_letter_queue?: string;
}

export interface D1Config {
  binding: string;
  database_name: string;
  [key: string]: unknown;
}

/** What a wrangler config says, under wrangler's own names. */
export interface WranglerConfig {
  name: string;
  main: string;
  vars?: Record<string, string>;
  triggers?: { crons?: string[] };
  d1_databases?: D1Config[];
  durable_objects?: { bindings?: { name: string; class_name: string }[] };
  services?: { binding: string; service: string; entrypoint?: string }[];
  queues?: { producers?: { binding: string; queue: string }[]; consumers?: QueueConsumer[] };
  /** `period` in seconds. */
  ratelimits?: { name: string; namespace_id: string; simple: { limit: number; period: number } }[];
  [key: string]: unknown;
}

/** Reads a config by its path in the project. Throws when it lacks a name or a main. */
export function readConfig(file: string): WranglerConfig {
  const config = parseToml(readFileSync(join(ROOT, file), "utf8"), file);
  for (const key of ["name", "main"]) {
    if (typeof config[key] !== "string") throw new Error(`${file} has no ${key}`);
  }
  return config as WranglerConfig;
}

type Table = Record<string, unknown>;

const HEAD = /^\[(\[?)([\w.]+)\]?\]$/;
const STRING_COMMENT_OR_KEY = /("(?:[^"\\]|\\.)*")|#.*|([\w-]+)\s*=/g;

/**
 * The part of TOML that our configs use: tables, and values on one line. Throws at any other line,
 * naming it. wrangler has a whole parser, but takes a second to load, and the simulation reads the
 * configs in every thread and for every mutant.
 */
export function parseToml(text: string, file: string): Table {
  const root: Table = {};
  let table = root;
  for (const [i, line] of text.split("\n").entries()) {
    const json = line
      .replace(STRING_COMMENT_OR_KEY, (_, string?: string, key?: string) =>
        key === undefined ? (string ?? "") : `"${key}":`,
      )
      .trim();
    const [, isList, path] = HEAD.exec(json) ?? [];
    try {
      if (path !== undefined) table = open(root, path.split("."), isList === "[");
      else if (json !== "") Object.assign(table, JSON.parse(`{${json}}`));
    } catch (cause) {
      throw new Error(`${file}:${i + 1}: cannot read ${line}`, { cause });
    }
  }
  return root;
}

/** The table at a path, made if it is not there; of a list a new entry. */
function open(root: Table, path: string[], isList: boolean): Table {
  const last = path.pop() ?? "";
  let parent = root;
  for (const key of path) parent = (parent[key] ??= {}) as Table;
  if (!isList) return (parent[last] ??= {}) as Table;
  const entry: Table = {};
  ((parent[last] ??= []) as Table[]).push(entry);
  return entry;
}
