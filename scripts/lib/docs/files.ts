import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openApiDocument } from "../../../openapi/document.ts";
import { ROOT } from "../project.ts";
import { docsPage } from "./page.ts";
import { withRights } from "./rights.ts";

/** What `npm run openapi` writes: path from the root → text. */
export async function contractFiles(): Promise<Record<string, string>> {
  const document = openApiDocument();
  return {
    "public/openapi.json": `${JSON.stringify(document, null, 2)}\n`,
    "public/docs.html": await docsPage(document),
    "public/docs.css": beside("docs.css"),
    "public/docs.svg": beside("docs.svg"),
    [RIGHTS]: withRights(readFileSync(join(ROOT, RIGHTS), "utf8")),
  };
}

/** Written by hand but for its tables. */
const RIGHTS = "docs/authorization.md";

const beside = (name: string): string => readFileSync(join(import.meta.dirname, name), "utf8");
