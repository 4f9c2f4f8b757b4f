/** Builds the package @lockstock/client into its dist and prints its size. `npm pack` runs it. */
import process from "node:process";
import { buildClient, clientSize, MAX_GZIP_BYTES } from "./lib/client.ts";

const kB = (bytes: number): string => `${(bytes / 1_000).toFixed(1)} kB`;

buildClient();
// On stderr, because a script that reads `npm pack --json` reads stdout.
for (const [name, names] of [
  ["all of it", "*"],
  ["createClient", ["createClient"]],
  ["verifyWebhook", ["verifyWebhook"]],
] as const) {
  const { minified_bytes, gzip_bytes } = await clientSize(names);
  console.error(`${name}: ${kB(minified_bytes)} minified, ${kB(gzip_bytes)} gzip`);
  if (gzip_bytes > MAX_GZIP_BYTES) {
    console.error(`more than ${kB(MAX_GZIP_BYTES)}`);
    process.exitCode = 1;
  }
}
