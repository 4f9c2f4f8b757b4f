import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../../scripts/lib/wrangler-config.ts";
import { PlatformApi } from "./support/platform/api.ts";
import { startCommand } from "./support/platform/command.ts";
import type { DeployedWorker } from "./support/platform/workers.ts";
import { SECRET, useStack } from "./support/stack.ts";

/** `npm run deploy` with the real wrangler, against a stand-in of the platform's API. */

const home = mkdtempSync(join(tmpdir(), "lockstock-deploy-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const state = (name: string) => join(home, name);
const start = (args: string[], env: Record<string, string>) =>
  startCommand("deploy", args, home, env);

const migrationTag = () =>
  (readConfig("wrangler.toml")["migrations"] as { tag: string }[]).at(-1)?.tag;

describe("an account that fails, and a command that is killed", () => {
  const stack = useStack();
  const api = new PlatformApi();
  let url = "";
  beforeAll(async () => {
    url = await api.listen();
  });
  afterAll(() => api.close());

  const deploy = (...args: string[]) =>
    start([`--state=${state("killed")}`, `--url=${stack.base.origin}/`, "--region=weur", ...args], {
      CLOUDFLARE_API_BASE_URL: url,
      LOCKSTOCK_AUTH_SECRET: SECRET,
    });
  const secret = () => readFileSync(join(state("killed"), "production/secrets.json"), "utf8");

  /** Ends the command as soon as this call has taken effect, before wrangler hears of it. */
  async function killedAfter(call: RegExp, times = 1): Promise<void> {
    const run = deploy();
    let left = times;
    api.afterChange = (made) => {
      if (call.test(made) && --left === 0) run.kill();
    };
    expect(await run.done).toMatchObject({ code: null });
    api.afterChange = () => {};
  }

  /** The platform answers this call with an error, however often it is repeated. */
  async function failingAt(call: RegExp): Promise<string> {
    api.onChange = (made) =>
      call.test(made)
        ? { result: null, status: 500, code: 10013, message: "An unknown error has occurred" }
        : undefined;
    const { code, output } = await deploy().done;
    api.onChange = () => undefined;
    expect(code).toBe(1);
    return output;
  }

  test("repeating finishes the job, whatever step it was", { timeout: 600_000 }, async () => {
    await killedAfter(/POST \/queues$/, 2);
    await killedAfter(/POST \/d1\/database$/);
    expect(await failingAt(/PUT .*lockstock-stock$/)).toContain("The platform's API failed");
    await killedAfter(/PUT .*lockstock-orders$/);
    expect(api.workers.deployed.get("lockstock-orders")?.secrets.get("AUTH_SECRET")).toBe(SECRET);
    // What is uploaded and not known to be: it is uploaded again.
    expect(existsSync(join(state("killed"), "production/secrets.next.json"))).toBe(true);
    expect(await failingAt(/POST .*consumers$/)).toContain("goes on from here");

    const finished = await deploy().done;
    expect([finished.code, finished.output]).toEqual([0, expect.stringContaining("Done.")]);
    expect(finished.output).toContain(`confirmed and cancelled at ${stack.base.origin}`);
    expect(api.unknown).toEqual([]);
    expect(api.storage.queues.map(({ queue_name }) => queue_name).toSorted()).toEqual([
      "order-events",
      "order-events-dlq",
      "stock-events",
      "stock-events-dlq",
    ]);
    expect(api.storage.databases.map(({ name, location }) => [name, location])).toEqual([
      ["lockstock-orders", "weur"],
    ]);
    const [database] = api.storage.databases;
    expect(database?.db.prepare("SELECT count(*) n FROM orders").get()).toEqual({ n: 0 });
    const consumed = api.storage.queues.map(({ queue_name, consumers }) => [
      queue_name,
      consumers.map(({ script }) => script),
    ]);
    expect(Object.fromEntries(consumed)).toEqual({
      "order-events": ["lockstock-stock"],
      "order-events-dlq": ["lockstock-orders"],
      "stock-events": ["lockstock-orders"],
      "stock-events-dlq": ["lockstock-orders"],
    });
    expect(api.workers.deployed.get("lockstock-orders")).toMatchObject({
      migrationTag: migrationTag(),
      schedules: [{ cron: "* * * * *" }],
      metadata: { placement: { region: "aws:eu-central-1" } },
    });
    // The order's unit came back and is gone, and nobody sees the item.
    expect(await stack.operator.level("LOCKSTOCK-CHECK")).toMatchObject({ available: 0, held: 0 });
    expect((await stack.anyone.call("GET", "/v1/items/LOCKSTOCK-CHECK")).status).toBe(404);
  });

  test(
    "again it makes nothing; rotated, tokens of the old secret stay valid",
    { timeout: 300_000 },
    async () => {
      const before = secret();
      expect(statSync(join(state("killed"), "production/secrets.json")).mode & 0o777).toBe(0o600);
      api.changes.length = 0;
      const again = await deploy().done;
      expect([again.code, again.output]).toEqual([0, expect.stringContaining("Done.")]);
      expect(again.output).toContain("all are there");
      expect(
        api.changes.filter((call) => /POST \/(?:queues|d1\/database)$|query$/.test(call)),
      ).toEqual([]);
      expect(secret()).toBe(before);

      // The stack has the old secret alone: its smoke order is refused, in words.
      const rotated = start(
        ["--rotate", `--state=${state("killed")}`, `--url=${stack.base.origin}`],
        {
          CLOUDFLARE_API_BASE_URL: url,
        },
      );
      expect((await rotated.done).output).toContain("The operator's token is not accepted");
      const secrets = api.workers.deployed.get("lockstock-orders")?.secrets;
      expect(secrets?.get("AUTH_SECRET_PREVIOUS")).toBe(SECRET);
      expect(secrets?.get("AUTH_SECRET")).not.toBe(SECRET);
      expect(JSON.parse(secret())).toEqual(Object.fromEntries(secrets ?? []));
    },
  );

  test("staging beside production shares nothing", { timeout: 300_000 }, async () => {
    const { code, output } = await deploy("--env=staging").done;
    expect([code, output]).toEqual([0, expect.stringContaining("confirmed and cancelled")]);
    const bound = (...names: string[]) => names.flatMap((name) => namesBy(api, name));
    const production = bound("lockstock-orders", "lockstock-stock");
    const staging = bound("lockstock-orders-staging", "lockstock-stock-staging");
    expect(production).toHaveLength(staging.length);
    expect(production.length).toBeGreaterThan(12);
    expect(staging.filter((name) => production.includes(name))).toEqual([]);
  });
});

/** Every name or id of this account that a Worker is bound to or that it consumes. */
function namesBy(api: PlatformApi, worker: string): string[] {
  const deployed = api.workers.deployed.get(worker);
  if (!deployed) throw new Error(`${worker} is not deployed`);
  const keys = { queue: "queue_name", d1: "id", service: "service", ratelimit: "namespace_id" };
  const nameOf = (one: DeployedWorker["metadata"]["bindings"][number]) => {
    const key = Object.hasOwn(keys, one.type) ? keys[one.type as keyof typeof keys] : undefined;
    if (key !== undefined) return [`${one.type} ${String(one[key])}`];
    // An object's class belongs to the Worker, unless another script is named.
    if (one.type === "durable_object_namespace") {
      const { script_name: script = worker, class_name } = one as Record<string, unknown>;
      return [`objects ${String(script)} ${String(class_name)}`];
    }
    return one.name.endsWith("_QUEUE") ? [`var ${String(one["text"])}`] : [];
  };
  const consumed = api.storage.queues.flatMap(({ queue_name, consumers }) =>
    consumers.filter(({ script }) => script === worker).map(() => `consumes ${queue_name}`),
  );
  return [...deployed.metadata.bindings.flatMap(nameOf), ...consumed];
}
