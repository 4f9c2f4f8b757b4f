import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  checkEnvironment,
  deployedConfigs,
  inEnvironment,
  PRODUCTION,
  readEnvironment,
  regionOf,
} from "../../scripts/deploy/environment.ts";
import { ROOT } from "../../scripts/lib/project.ts";
import { readConfig } from "../../scripts/lib/wrangler-config.ts";

const ID = "11111111-1111-1111-1111-111111111111";
const configs = (name: string, region: "weur" | null = null) =>
  Object.values(deployedConfigs(readEnvironment(name), `${ID}-${name}`, region, "../.."));

/** Every string of a config that names something of an account. */
function names(config: Record<string, unknown>): string[] {
  const of = (list: unknown, ...keys: string[]) =>
    ((list ?? []) as Record<string, string>[]).flatMap((one) => keys.map((key) => one[key] ?? ""));
  const { producers, consumers } = config["queues"] as Record<string, object[]>;
  const vars = Object.entries(config["vars"] as Record<string, string>);
  return [
    String(config["name"]),
    ...of(config["d1_databases"], "database_name", "database_id"),
    ...of(config["services"], "service"),
    ...of(config["ratelimits"], "namespace_id"),
    ...of(producers, "queue"),
    ...of(consumers, "queue", "dead_letter_queue"),
    ...vars.flatMap(([name, value]) => (name.endsWith("_QUEUE") ? [value] : [])),
  ].filter((name) => name !== "");
}

test("production has the names of the toml files, and its database's id", () => {
  const [stock, orders] = configs(PRODUCTION);
  expect(orders).toMatchObject({ name: "lockstock-orders", workers_dev: true });
  expect(stock).toMatchObject({ name: "lockstock-stock", workers_dev: false });
  expect(orders?.["d1_databases"]).toMatchObject([
    { binding: "DB", database_id: `${ID}-production`, migrations_dir: "../../migrations" },
  ]);
  expect(orders?.main).toBe("../../src/orders/worker.ts");
});

test("two environments share no name", () => {
  const all = [PRODUCTION, "staging", "load-test"].map(
    (name) => new Set(configs(name).flatMap(names)),
  );
  const total = all.reduce((sum, { size }) => sum + size, 0);
  expect(new Set(all.flatMap((set) => [...set])).size).toBe(total);
  expect(total).toBeGreaterThan(3 * 8);
});

test("everything in the toml files that has a name is known here", () => {
  // A binding of another kind could be shared without a test that sees it.
  const known =
    /^(?:name|main|compatibility_date|send_metrics|keep_names|workers_dev|triggers|observability|vars|secrets|d1_databases|build|assets|cache|durable_objects|migrations|services|queues|ratelimits|env)$/;
  for (const file of ["wrangler.toml", "wrangler.stock.toml"]) {
    expect(Object.keys(readConfig(file)).filter((key) => !known.test(key))).toEqual([]);
    expect(readFileSync(join(ROOT, file), "utf8")).not.toContain("script_name");
  }
});

test("the vars name the queues that the Workers consume", () => {
  for (const config of configs("staging")) {
    const vars = Object.values(config.vars ?? {});
    for (const { queue } of config.queues?.consumers ?? []) expect(vars).toContain(queue);
  }
});

test("[env.NAME] adds vars and replaces other keys, of that environment alone", () => {
  const config = {
    ...readConfig("wrangler.toml"),
    env: { staging: { vars: { PAYMENT_WINDOW_SECONDS: "60" }, workers_dev: false } },
  };
  const common = { PAYMENT_WINDOW_SECONDS: "900", STOCK_EVENTS_QUEUE: "stock-events" };
  expect(inEnvironment(config, PRODUCTION)).toMatchObject({ vars: common, workers_dev: true });
  expect(inEnvironment(config, "staging")).toMatchObject({
    vars: { PAYMENT_WINDOW_SECONDS: "60", STOCK_EVENTS_QUEUE: "stock-events-staging" },
    workers_dev: false,
  });
  expect(inEnvironment(config, "staging")).not.toHaveProperty("env");
});

test("the orders Worker runs beside the database", () => {
  const [stock, orders] = configs("staging", "weur");
  expect(orders?.["placement"]).toEqual({ region: "aws:eu-central-1" });
  expect(stock?.["placement"]).toBeUndefined();
  expect(regionOf("WEUR")).toBe("weur");
  expect(regionOf("mars")).toBeNull();
});

test("what an environment may be called", () => {
  expect(checkEnvironment("staging-2")).toBe("staging-2");
  for (const name of ["", "Staging", "a_b", "-a", "a-", "a".repeat(31), "../x"]) {
    expect(() => checkEnvironment(name)).toThrow("--env is 1 to 30");
  }
});
