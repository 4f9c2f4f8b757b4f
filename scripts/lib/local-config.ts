import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { policyOf } from "../../src/orders/config/policy.ts";
import { readAuthSettings } from "../../src/orders/http/auth-settings.ts";
import { turnstileErrorFor } from "../../src/orders/http/turnstile-settings.ts";
import { booleanVar } from "../../src/runtime/vars.ts";
import { localVars, ROOT } from "./project.ts";
import { readConfig } from "./wrangler-config.ts";

/**
 * The configs of a local run are copies in its state. wrangler reads the .dev.vars beside a config
 * and only without one the environment, where `npm start` has put every var; and of the environment
 * it hands a Worker what its config names in [vars] or [secrets] and nothing else. What is optional
 * is named nowhere (src/orders/secrets.d.ts), so the copy names those secrets that are set.
 */

const OPTIONAL_SECRETS = [
  "AUTH_SECRET",
  "AUTH_SECRET_PREVIOUS",
  "STRIPE_WEBHOOK_SECRET",
  "TURNSTILE_SECRET",
];

/** Paths in the orders Worker's config, which are relative to where it stands. */
const PATHS = /^(?:main|migrations_dir|directory|watch_dir) = .+$/gm;
const PATH = /"(?:\.\/)?([^"]+)"/g;

/** Writes the copy of a config of the root; answers with its path. */
export function localConfig(name: "wrangler.toml" | "wrangler.stock.toml", state: string): string {
  const toml = readFileSync(join(ROOT, name), "utf8");
  const back = relative(state, ROOT);
  const moved = toml.replace(PATHS, (line) => line.replace(PATH, `"${back}/$1"`));
  const vars = localVars();
  const secrets = name === "wrangler.toml" ? OPTIONAL_SECRETS.filter((one) => vars[one]) : [];
  const named = secrets.length > 0 ? `\n[secrets]\nrequired = ${JSON.stringify(secrets)}\n` : "";
  const copy = join(state, name);
  writeFileSync(copy, moved + named);
  return copy;
}

/**
 * Throws when a var of the environment or .dev.vars is one that the orders Worker cannot read: it
 * would start all the same, and answer 500. Answers with what will be 503, and why.
 */
export function checkVars(): string[] {
  const vars = Object.assign({} as OrdersEnv, readConfig("wrangler.toml").vars, localVars());
  policyOf(vars);
  booleanVar("RATE_LIMIT", vars.RATE_LIMIT);
  const auth = readAuthSettings(vars, "localhost");
  const turnstileError = turnstileErrorFor(vars, "http://localhost/");
  return [
    ...(typeof auth === "string" ? [`every call with a token will be 503: ${auth}`] : []),
    ...(turnstileError ? [`every call for a guest will be 503: ${turnstileError}`] : []),
  ];
}
