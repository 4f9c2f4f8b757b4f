/** Puts the database of a deployment back to an earlier time, and rebuilds what that loses. See USAGE. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { checkEnvironment, PRODUCTION } from "./deploy/environment.ts";
import { tokenFile, urlFile } from "./deploy/keys.ts";
import { DeployError } from "./deploy/run-wrangler.ts";
import { asker } from "./lib/api-client.ts";
import { originOf, readOptions } from "./lib/options.ts";
import { ROOT } from "./lib/project.ts";
import { journalFile } from "./restore/journal.ts";
import { restoreSteps } from "./restore/steps.ts";

const USAGE = `usage: npm run restore -- --to TIME [--env NAME] [--url URL] [--state DIR] [--dry-run]

  --to TIME     RFC 3339, at most 30 days ago: the time whose state the database is to have
  --env NAME    the environment (default production)
  --url URL     where the orders Worker answers (default as the deployment has found)
  --state DIR   as of the deployment (default .deploy)
  --dry-run     prints what it would do; needs no account

Sees that the time can be restored, freezes the service, writes down the bookmark that undoes it all,
restores the database (Time Travel), applies the migrations, recovers from the items what the database
has lost, and thaws. Killed and repeated, it goes on where it ended.
docs/operations.md is the runbook.`;

const options = readOptions(
  USAGE,
  { to: "", env: PRODUCTION, url: "", state: ".deploy", "dry-run": false },
  ({ to, env, url, ...flags }) => {
    const at_ms = Date.parse(to);
    if (!/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(to) || Number.isNaN(at_ms)) {
      throw new Error("--to is a time such as 2026-12-01T18:05:00Z");
    }
    if (at_ms > Date.now()) throw new Error("--to has not been yet");
    return { ...flags, to, env: checkEnvironment(env), url: url && originOf(url) };
  },
);

process.chdir(ROOT);
const folder = join(options.state, options.env);
const isDry = options["dry-run"];

function operator() {
  const kept = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").trim() : "");
  const url = options.url || kept(urlFile(folder));
  const token = process.env["LOCKSTOCK_TOKEN"] ?? kept(tokenFile(folder));
  if (url === "") throw new DeployError("Where does it answer? Give --url https://YOUR-DOMAIN.");
  if (token === "") throw new DeployError("No token: set LOCKSTOCK_TOKEN to an operator's.");
  return asker(originOf(url), token);
}

try {
  const steps = restoreSteps({
    to: options.to,
    config: join(folder, "orders.json"),
    journal: journalFile(folder),
    operator: isDry ? null : operator(),
  });
  if (isDry) console.log(`What would be restored in ${options.env}, and nothing is:`);
  for (const [i, step] of steps.entries()) {
    console.log(`${i + 1}/${steps.length} ${step.title}`);
    for (const line of isDry ? step.plan : []) {
      console.log(`      ${line.startsWith("(") ? line : `wrangler ${line}`}`);
    }
    if (!isDry) console.log(`      ${await step.run()}`);
  }
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  console.error(`      ${text}\n\nThe service stays as it is: repeat the command to go on.`);
  process.exit(1);
}
