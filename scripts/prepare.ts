/**
 * Brings a state up to date before its port is opened: D1's migrations and the demo catalogue with
 * its stock. It runs the Workers in a workerd of its own that nobody else can reach, so `npm start`
 * answers nothing until all of it is there. A process of its own, since wrangler and Miniflare would
 * stay in the memory of `npm start`: `lib/prepare.ts` starts it when there is something to do.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { build } from "esbuild";
import type { Miniflare } from "miniflare";
import { addDemoItems, addDemoStock, operatorClient } from "./lib/demo.ts";
import { signHs256 } from "./lib/jwt.ts";
import { noteOf, writeNote } from "./lib/prepare.ts";
import { localVars, ROOT } from "./lib/project.ts";
import { type BundledWorker, bundledWorker, migrationsIn, startWorkerd } from "./lib/workerd.ts";
import { readConfig } from "./lib/wrangler-config.ts";

type Database = Awaited<ReturnType<Miniflare["getD1Database"]>>;

/** Any will do: nobody else ever sees this run. The configured keys may be somebody else's. */
const SECRET = `${randomUUID()}${randomUUID()}`;

/** A Worker of the run that follows: what is due meanwhile is judged by the same vars. */
async function worker(config: string): Promise<BundledWorker> {
  const made = bundledWorker(config, await bundle(readConfig(config).main));
  const given = localVars();
  for (const [key, value] of Object.entries(made.bindings)) {
    made.bindings[key] = given[key] ?? value;
  }
  return made;
}

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    conditions: ["workerd", "worker"],
    external: ["cloudflare:*", "node:*"],
    target: "es2024",
  });
  const [file] = outputFiles;
  if (!file) throw new Error(`nothing came of ${entry}`);
  return file.text;
}

async function workers(withStock: boolean): Promise<BundledWorker[]> {
  const orders = await worker("wrangler.toml");
  const auth = { AUTH_SECRET: SECRET, AUTH_JWKS_URL: "", AUTH_ISSUER: "", AUTH_AUDIENCE: "" };
  orders.bindings = { ...orders.bindings, ...auth };
  if (withStock) return [orders, await worker("wrangler.stock.toml")];
  const { serviceBindings: _, ...alone } = orders;
  return [alone];
}

/** Applies what is missing and notes it in wrangler's own table, as `d1 migrations apply` does. */
async function migrate(db: Database): Promise<void> {
  await db
    .prepare(
      `CREATE TABLE IF NOT EXISTS d1_migrations (
         id INTEGER PRIMARY KEY AUTOINCREMENT,
         name TEXT UNIQUE,
         applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
       )`,
    )
    .run();
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  for (const { name, statements } of migrationsIn("migrations")) {
    if (applied.has(name)) continue;
    const note = db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    await db.batch([...statements.map((sql) => db.prepare(sql)), note]);
  }
}

async function addDemo(miniflare: Miniflare, withStock: boolean): Promise<"items" | "stock"> {
  const token = await signHs256(SECRET, "demo", { scope: "operator" });
  const call = operatorClient("http://localhost", token, (url, init) =>
    miniflare.dispatchFetch(url, init),
  );
  if (await addDemoItems(call)) console.log("Added a demo catalogue.");
  if (!withStock) return "items";
  await addDemoStock(call);
  return "stock";
}

async function main(state: string, withStock: boolean): Promise<void> {
  const miniflare = startWorkerd({
    workers: await workers(withStock),
    state: join(state, "v3"), // as wrangler's --persist-to
    onLog: ({ level, message }) => {
      if (level === "error" || level === "warn") console.error(message);
    },
  });
  try {
    await migrate(await miniflare.getD1Database("DB"));
    const demo = await addDemo(miniflare, withStock).catch((error: unknown) => {
      console.error(`The demo stays incomplete until the next start: ${String(error)}`);
      return undefined;
    });
    writeNote(state, noteOf(demo));
  } finally {
    await miniflare.dispose();
  }
}

const [state, only] = process.argv.slice(2);
if (state === undefined || !existsSync(state))
  throw new Error("usage: prepare.ts STATE [--only-orders]");
await main(state, only === undefined);
