/** Builds the pages into public/. wrangler runs this before `dev` and `deploy` ([build]). */
import { gzipSync } from "node:zlib";
import { referencePage } from "../openapi/files.ts";
import { buildWeb, writeWeb } from "./lib/web.ts";

const { files, pages } = await buildWeb();
const reference = Object.entries(await referencePage()).map(([path, text]) => {
  return { path, contents: new TextEncoder().encode(text) };
});
writeWeb([...files, ...reference]);
for (const { file, scripts } of pages) {
  const bytes = scripts.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
  console.log(`public/${file}: ${(bytes / 1000).toFixed(1)} kB of JavaScript (gzip)`);
}
