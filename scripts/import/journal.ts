import { createHash } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import type { CountLine } from "./plan.ts";

/**
 * What the counts of an import expect, beside its file until the import has ended. A run that
 * repeats a killed one must not read the levels anew: it would take units that were sold in between
 * for units that are missing, and put them back.
 */
export class Journal {
  readonly path: string;

  /** `id`: of the content of the file, and of what else tells imports apart. */
  constructor(file: string, id: string) {
    const name = createHash("sha256").update(id).digest("hex").slice(0, 16);
    this.path = `${file}.${name}.import`;
  }

  /** By SKU. Empty: no earlier import was killed. */
  read(): Map<string, number> {
    try {
      const kept = JSON.parse(readFileSync(this.path, "utf8")) as Record<string, number>;
      return new Map(Object.entries(kept));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
      throw error;
    }
  }

  /** To be called before the first count is sent. A kill leaves the whole journal, or the one before. */
  write(counts: readonly CountLine[]): void {
    const draft = `${this.path}.${process.pid}`;
    const kept = Object.fromEntries(counts.map(({ sku, expected }) => [sku, expected]));
    writeFileSync(draft, JSON.stringify(kept));
    renameSync(draft, this.path);
  }

  /** To be called once every count has an answer, which its item repeats from then on. */
  remove(): void {
    rmSync(this.path, { force: true });
  }
}
