import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openApiDocument } from "./document.ts";
import { docsPage } from "./page/page.ts";
import { withRights } from "./rights.ts";

const ROOT = join(import.meta.dirname, "..");
/** Written by hand except for its tables. */
const RIGHTS = "docs/authorization.md";

/** The files that `npm run openapi` writes and git tracks: path from the root → text. */
export const contractFiles = (): Record<string, string> => ({
  // Tracked by git, since clients are generated from it.
  "public/openapi.json": `${JSON.stringify(openApiDocument(), null, 2)}\n`,
  [RIGHTS]: withRights(readFileSync(join(ROOT, RIGHTS), "utf8")),
});

/** The reference page at /docs, built with the other pages: path below public/ → text. */
export const referencePage = async (): Promise<Record<string, string>> => ({
  "docs.html": await docsPage(openApiDocument()),
  "docs.css": beside("docs.css"),
  "docs.svg": beside("docs.svg"),
});

const beside = (name: string): string =>
  readFileSync(join(import.meta.dirname, "page", name), "utf8");
