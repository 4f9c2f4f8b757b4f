import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../scripts/lib/project.ts";

const MIGRATIONS = join(ROOT, "migrations");
export const migrationNames = (): string[] => readdirSync(MIGRATIONS).toSorted();
export const migrationText = (name: string): string => readFileSync(join(MIGRATIONS, name), "utf8");

/** The parts of a Worker's configuration that make and remove its classes of Durable Objects. */
export const objectMigrations = (file: string): string[] =>
  readFileSync(join(ROOT, file), "utf8")
    .split(/^(?=\[)/m)
    .filter((part) => part.startsWith("[[migrations]]"))
    .map((part) => part.replaceAll(/#.*$/gm, "").replaceAll(/\s+/g, " ").trim());
