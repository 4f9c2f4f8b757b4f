/** Builds the pages into public/. wrangler runs this before `dev` and `deploy` ([build]). */
import { gzipSync } from "node:zlib";
import { buildWeb, writeWeb } from "./lib/web.ts";

const { files, pages } = await buildWeb();
writeWeb(files);
for (const { file, scripts } of pages) {
  const bytes = scripts.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
  console.log(`public/${file}: ${(bytes / 1000).toFixed(1)} kB of JavaScript (gzip)`);
}
