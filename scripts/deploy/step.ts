import type { Region } from "./environment.ts";

export interface Options {
  /** Of this environment: its configs, its secrets and its token. */
  folder: string;
  region: Region | null;
  rotate: boolean;
  /** Where the orders Worker answers; empty: as wrangler says. */
  url: string;
  version: string;
}

/** One thing that has to be so afterwards. Done again, it changes nothing. */
export interface Step {
  title: string;
  /** What it would do, for --dry-run: commands of wrangler, and words in brackets. */
  plan: string[];
  /** Answers what came of it, in words. */
  run(): Promise<string>;
}

/** What a step leaves for later ones. */
export interface Found {
  databaseId: string;
  token: string | null;
  url: string;
}
