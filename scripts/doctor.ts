/** What is deployed, reachable, stale or misconfigured, in words. See USAGE. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { VERSION } from "../src/runtime/version.ts";
import { checkEnvironment, PRODUCTION } from "./deploy/environment.ts";
import { tokenFile, urlFile } from "./deploy/keys.ts";
import { examine, type Finding } from "./doctor/examine.ts";
import { readOptions } from "./lib/options.ts";
import { ROOT } from "./lib/project.ts";

const USAGE = `usage: npm run doctor [-- --env NAME | --url URL [--token TOKEN]] [--state DIR]

  --env NAME     what \`npm run deploy\` has deployed as that (default ${PRODUCTION})
  --url URL      any other, for example http://localhost:8787
  --token TOKEN  with the right operations:read; else LOCKSTOCK_TOKEN, else the deployment's own
  --state DIR    as of \`npm run deploy\` (default .deploy)

Reads only. Exits with 1 if something is wrong.`;

const { url, token } = readOptions(
  USAGE,
  { env: PRODUCTION, url: "", token: "", state: ".deploy" },
  ({ env, url, token, state }) => {
    const folder = join(ROOT, state, checkEnvironment(env));
    const kept = (path: string) =>
      existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
    const address = url || kept(urlFile(folder));
    if (!address) throw new Error(`${env} was not deployed from here: name its --url`);
    if (!URL.canParse(address)) throw new Error(`--url is not an address: ${address}`);
    const own = url === "" ? kept(tokenFile(folder)) : undefined;
    return { url: address, token: token || process.env["LOCKSTOCK_TOKEN"] || own };
  },
);

const MARK: Record<Finding["state"], string> = { good: "ok   ", bad: "WRONG", unknown: "?    " };

console.log(`${url}\n`);
let isWell = true;
for await (const { state, text, action } of examine(url, token, VERSION)) {
  console.log(`${MARK[state]}  ${text}${action ? `\n       ${action}` : ""}`);
  isWell &&= state !== "bad";
}
process.exitCode = isWell ? 0 : 1;
