import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { database } from "./database.ts";
import type { Environment } from "./environment.ts";
import { isMissingWorker, isTaken } from "./explain.ts";
import { keysUploaded, prepareKeys, readSecrets, secretsFile, tokenFile, urlFile } from "./keys.ts";
import { DeployError, failure, jsonIn, tryWrangler, wrangler } from "./run-wrangler.ts";
import { smokeOrder } from "./smoke.ts";
import type { Found, Options, Step } from "./step.ts";

export function stepsOf(environment: Environment, options: Options): Step[] {
  const found: Found = { databaseId: "", token: null, url: options.url };
  const { folder } = options;
  const config = {
    orders: join(folder, "orders.json"),
    stock: join(folder, "stock.json"),
  };
  return [
    account(),
    queues(environment),
    database(environment, options, config, found),
    {
      title: "Bring the database's tables up to date",
      plan: [`d1 migrations apply DB --remote -c ${config.orders}`],
      run: async () => {
        await wrangler("database", [
          "d1",
          "migrations",
          "apply",
          "DB",
          "--remote",
          "-c",
          config.orders,
        ]);
        return "every migration is applied";
      },
    },
    {
      title: `Deploy the stock Worker, ${environment.stock.name}`,
      plan: [`deploy -c ${config.stock} --tag ${options.version}`],
      run: async () => {
        await wrangler("workers", ["deploy", "-c", config.stock, "--tag", options.version]);
        return "deployed";
      },
    },
    orders(environment, options, config.orders, found),
    smoke(folder, found),
  ];
}

function account(): Step {
  return {
    title: "See who is logged in",
    plan: ["whoami --json"],
    run: async () => {
      const args = ["whoami", "--json"];
      const { stdout } = await wrangler("account", args);
      const who = jsonIn(stdout) as { email?: string; accounts?: { id: string; name: string }[] };
      const accounts = who.accounts ?? [];
      const chosen = process.env["CLOUDFLARE_ACCOUNT_ID"];
      if (accounts.length > 1 && !chosen) {
        const list = accounts.map(({ id, name }) => `${id} (${name})`).join(", ");
        throw new DeployError(
          `Your login reaches several accounts: set CLOUDFLARE_ACCOUNT_ID to one of ${list}.`,
        );
      }
      const used = accounts.find(({ id }) => id === chosen) ?? accounts[0];
      return `${who.email ?? "a token"}, account ${used?.name ?? chosen ?? "of the token"}`;
    },
  };
}

function queues({ queues: names }: Environment): Step {
  return {
    title: "Make the queues",
    plan: names.map((name) => `queues create ${name}`),
    run: async () => {
      const listed = await wrangler("queues", ["queues", "list"]);
      const there = new Set(listed.stdout.split(/[\s│|]+/));
      const missing = names.filter((name) => !there.has(name));
      for (const name of missing) {
        const args = ["queues", "create", name];
        const said = await tryWrangler(args);
        // On a page of the list that was not read.
        if (!said.ok && !isTaken(said.all)) throw failure("queues", args, said);
      }
      return missing.length === 0 ? "all are there" : `made ${missing.join(", ")}`;
    },
  };
}

function orders(environment: Environment, options: Options, config: string, found: Found): Step {
  const { folder } = options;
  const { name, vars = {} } = environment.orders;
  const hasKeySet = (vars["AUTH_JWKS_URL"] ?? "") !== "";
  const withSecret = `(makes AUTH_SECRET where it is missing, and an operator's token in ${tokenFile(folder)})`;
  return {
    title: `Deploy the orders Worker, ${name}`,
    plan: [
      ...(hasKeySet ? [] : [`secret list --name ${name}`, withSecret]),
      `deploy -c ${config} --tag ${options.version}${hasKeySet ? "" : ` --secrets-file ${secretsFile(folder)}`}`,
    ],
    run: async () => {
      const keys = hasKeySet
        ? null
        : await prepareKeys(folder, await keyOptions(folder, name, vars, options));
      found.token = process.env["LOCKSTOCK_TOKEN"] ?? keys?.token ?? null;
      const secrets = keys?.upload ? ["--secrets-file", keys.upload] : [];
      const args = ["deploy", "-c", config, "--tag", options.version, ...secrets];
      const { all } = await wrangler("workers", args);
      if (keys) keysUploaded(folder);
      found.url ||= /https:\/\/\S+\.workers\.dev/.exec(all)?.[0] ?? "";
      if (found.url !== "") writeFileSync(urlFile(folder), `${found.url}\n`);
      return `deployed${secrets.length > 0 ? " with its secret" : ""}`;
    },
  };
}

/** Throws where a new secret would be lost with the machine. */
async function keyOptions(
  folder: string,
  name: string,
  vars: Record<string, string>,
  { rotate }: Options,
) {
  const isDeployed = await hasSecret(name);
  const given = process.env["LOCKSTOCK_AUTH_SECRET"];
  if (given !== undefined && given.length < 32) {
    throw new DeployError("LOCKSTOCK_AUTH_SECRET has to have 32 characters at least.");
  }
  if (process.env["CI"] && !isDeployed && given === undefined && readSecrets(folder) === null) {
    throw new DeployError(
      "The Worker has no secret, and one that is made here would be lost with this machine: deploy once from your own, or set LOCKSTOCK_AUTH_SECRET.",
    );
  }
  const first = (list = "") => list.split(",")[0]?.trim() || undefined;
  const claims = { iss: first(vars["AUTH_ISSUER"]), aud: first(vars["AUTH_AUDIENCE"]) };
  return { rotate, isDeployed, given, claims, now_ms: Date.now() };
}

async function hasSecret(worker: string): Promise<boolean> {
  const args = ["secret", "list", "--name", worker, "--format", "json"];
  const said = await tryWrangler(args);
  if (!said.ok && isMissingWorker(said.all)) return false;
  if (!said.ok) throw failure("workers", args, said);
  const secrets = jsonIn(said.stdout) as { name: string }[];
  return secrets.some((one) => one.name === "AUTH_SECRET");
}

function smoke(folder: string, found: Found): Step {
  return {
    title: "Place an order, see it confirmed, cancel it",
    plan: ["(of an item that is listed for these seconds alone, and archived afterwards)"],
    run: async () => {
      if (found.url === "") {
        return "left out: the Worker has no workers.dev address. Repeat with --url https://YOUR-DOMAIN";
      }
      if (found.token === null) {
        return `left out: no token. Set LOCKSTOCK_TOKEN to an operator's, or copy ${folder} from where the secret was made`;
      }
      await smokeOrder(found.url, found.token);
      return `confirmed and cancelled at ${found.url}`;
    },
  };
}
