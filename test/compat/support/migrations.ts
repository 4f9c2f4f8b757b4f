import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../../scripts/lib/project.ts";

const MIGRATIONS = join(ROOT, "migrations");
export const migrationNames = (): string[] => readdirSync(MIGRATIONS).toSorted();
export const migrationText = (name: string): string => readFileSync(join(MIGRATIONS, name), "utf8");
