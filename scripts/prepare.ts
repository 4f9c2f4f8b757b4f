/**
 * Brings a state up to date before its port is opened: D1's migrations and the demo catalogue with
 * its stock. It runs the Workers in a workerd of its own that nobody else can reach, so `npm start`
 * answers nothing until all of it is there. A process of its own, since wrangler and Miniflare would
 * stay in the memory of `npm start`: `lib/prepare.ts` starts it when there is something to do.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { build } from "esbuild";
import { SignJWT } from "jose";
import {
  convertV4MiniflareOptions,
  Log,
  LogLevel,
  Miniflare,
  type V4WorkerOptions,
} from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from "wrangler";
import { addDemoItems, addDemoStock, operatorClient } from "./lib/demo.ts";
import { noteOf, writeNote } from "./lib/prepare.ts";
import { localVars, ROOT } from "./lib/project.ts";

type Worker = V4WorkerOptions & { name: string };
type Database = Awaited<ReturnType<Miniflare["getD1Database"]>>;

/** Any will do: nobody else ever sees this run. The configured keys may be somebody else's. */
const SECRET = `${randomUUID()}${randomUUID()}`;

/** What wrangler makes of a config, with a bundle of its sources. */
async function worker(config: string): Promise<Worker> {
  const path = join(ROOT, config);
  const { workerOptions, main } = unstable_getMiniflareWorkerOptions(path);
  // Rules are for bundling. No page is asked for.
  const { modulesRules: _, assets: __, ...options } = workerOptions;
  const name = /^name = "(.+)"$/m.exec(readFileSync(path, "utf8"))?.[1];
  if (name === undefined || main === undefined) throw new Error(`${config} has no name or no main`);
  // As in the run that follows: what is due meanwhile is judged by the same deadlines and windows.
  const given = localVars();
  const bindings = Object.fromEntries(
    Object.entries(options.bindings ?? {}).map(([key, value]) => [key, given[key] ?? value]),
  );
  return { ...options, bindings, name, modules: true, script: await bundle(main) };
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

async function workers(withStock: boolean): Promise<Worker[]> {
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
  const folder = join(ROOT, "migrations");
  const files = readdirSync(folder).filter((file) => file.endsWith(".sql"));
  for (const file of files.toSorted()) {
    if (applied.has(file)) continue;
    const statements = unstable_splitSqlQuery(readFileSync(join(folder, file), "utf8"));
    const note = db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(file);
    await db.batch([...statements.map((sql) => db.prepare(sql)), note]);
  }
}

async function addDemo(miniflare: Miniflare, withStock: boolean): Promise<"items" | "stock"> {
  const token = await new SignJWT({ scope: "operator" })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("demo")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(SECRET));
  const call = operatorClient("http://localhost", token, (url, init) =>
    miniflare.dispatchFetch(url, init),
  );
  if (await addDemoItems(call)) console.log("Added a demo catalogue.");
  if (!withStock) return "items";
  await addDemoStock(call);
  return "stock";
}

async function main(state: string, withStock: boolean): Promise<void> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      logRequests: false,
      telemetry: { enabled: false },
      resourcePersistencePath: join(state, "v3"), // as wrangler's --persist-to
      handleStructuredLogs: ({ level, message }) => {
        if (level === "error" || level === "warn") console.error(message);
      },
      workers: await workers(withStock),
    }),
  );
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
