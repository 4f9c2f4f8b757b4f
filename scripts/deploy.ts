/** Everything that a bare account needs, from a clean clone. See USAGE. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  checkEnvironment,
  PRODUCTION,
  readEnvironment,
  regionOf,
  REGIONS,
} from "./deploy/environment.ts";
import { tokenFile } from "./deploy/keys.ts";
import { DeployError } from "./deploy/run-wrangler.ts";
import { stepsOf } from "./deploy/steps.ts";
import { originOf, readOptions } from "./lib/options.ts";
import { ROOT } from "./lib/project.ts";

const USAGE = `usage: npm run deploy [-- --env NAME] [--region HINT] [--rotate] [--url URL] [--state DIR] [--dry-run]

  --env NAME     another environment beside production, which shares nothing with it: staging
  --region HINT  where a new database is made: ${Object.keys(REGIONS).join(", ")} (else near you)
  --rotate       makes a new secret and token; tokens of the old secret stay valid
  --url URL      where the orders Worker answers, if not at workers.dev
  --state DIR    keeps secrets and tokens of every environment (default .deploy, which git ignores)
  --dry-run      prints what it would do; needs no account

Safe to repeat: what is there stays. docs/deploy.md says what it makes, and which permissions it needs.`;

const options = readOptions(
  USAGE,
  { env: PRODUCTION, region: "", rotate: false, url: "", state: ".deploy", "dry-run": false },
  ({ env, region, url, ...flags }) => {
    const place = regionOf(region);
    if (region !== "" && place === null) {
      throw new Error(`--region is one of ${Object.keys(REGIONS).join(", ")}, not ${region}`);
    }
    const origin = url && originOf(url);
    return { ...flags, env: checkEnvironment(env), region: place, url: origin };
  },
);

const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
process.chdir(ROOT);
const folder = join(options.state, options.env);
const environment = readEnvironment(options.env);
const steps = stepsOf(environment, { ...options, folder, version });
const count = steps.length;

if (options["dry-run"]) console.log(`What would be deployed as ${options.env}, and nothing is:`);
for (const [i, step] of steps.entries()) {
  console.log(`${i + 1}/${count} ${step.title}`);
  if (options["dry-run"]) {
    for (const line of step.plan)
      console.log(`      ${line.startsWith("(") ? line : `wrangler ${line}`}`);
    continue;
  }
  try {
    console.log(`      ${await step.run()}`);
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    console.error(
      `      ${error.message}\n\nNothing is lost: \`npm run deploy\` goes on from here.`,
    );
    process.exit(1);
  }
}
if (!options["dry-run"]) {
  console.log(`
Done. The operator's token is in ${tokenFile(folder)}; the console asks for it.
See it with: npm run doctor -- --env ${options.env}`);
}
