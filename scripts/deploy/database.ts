import { mkdirSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { ROOT } from "../lib/project.ts";
import {
  deployedConfigs,
  type Environment,
  type Region,
  regionOf,
  REGIONS,
} from "./environment.ts";
import { errorIn, explain, isTaken } from "./explain.ts";
import { DeployError, failure, jsonIn, type Said, tryWrangler, wrangler } from "./run-wrangler.ts";
import type { Found, Options, Step } from "./step.ts";

export function database(
  environment: Environment,
  { folder, region }: Options,
  config: { orders: string; stock: string },
  found: Found,
): Step {
  const { database: name } = environment;
  const create = ["d1", "create", name, ...(region ? ["--location", region] : [])];
  return {
    title: `Find or make the database ${name}`,
    plan: [
      create.join(" "),
      `(writes ${config.orders} and ${config.stock}, with its id and the Workers beside it)`,
    ],
    run: async () => {
      let id = await databaseId(name);
      const isNew = id === undefined;
      if (isNew) {
        const said = await tryWrangler(create);
        if (!said.ok && !isTaken(said.all)) throw failure("database", create, said);
        id = await databaseId(name);
      }
      if (id === undefined) {
        throw new DeployError(`The database ${name} was made and is not listed yet: repeat.`);
      }
      found.databaseId = id;
      // By its id: under the name, wrangler finds the one of wrangler.toml, which is for local runs.
      const told = await tryWrangler(["d1", "info", id, "--json"]);
      const place = regionIn(told) ?? region;
      const configs = deployedConfigs(environment, id, place, relative(folder, ROOT));
      mkdirSync(folder, { recursive: true });
      for (const worker of ["orders", "stock"] as const) {
        const text = `${JSON.stringify(configs[worker], null, 2)}\n`;
        writeFileSync(config[worker], text);
      }
      const where = place ? `in ${place}; the orders Worker runs beside ${REGIONS[place]}` : "";
      const elsewhere =
        region && place !== region ? `. It stays there: --region ${region} is for a new one` : "";
      const isPlaced = "placement" in configs.orders;
      const warning = isPlaced ? "" : `\n      ${unplaced(told)}`;
      return `${isNew ? "made" : "found"} ${id}${where && `, ${where}`}${elsewhere}${warning}`;
    },
  };
}

async function databaseId(name: string): Promise<string | undefined> {
  const { stdout } = await wrangler("database", ["d1", "list", "--json"]);
  const all = jsonIn(stdout) as { uuid: string; name: string }[];
  return all.find((one) => one.name === name)?.uuid;
}

/** Where the database runs, as `wrangler d1 info` says. Null: it does not say, or nowhere that is known here. */
function regionIn(told: Said): Region | null {
  return told.ok ? regionOf(placeIn(told)) : null;
}

const placeIn = ({ stdout }: Said): string =>
  (jsonIn(stdout) as { running_in_region?: string }).running_in_region ?? "an unknown place";

/** What that costs, why it is so, and what to do, on one line. */
function unplaced(told: Said): string {
  const words = errorIn(told.all).replaceAll(/\s*\n\s*/g, " ");
  const why = told.ok
    ? `The database runs in ${placeIn(told)}, beside which no region is known here.`
    : `Where that is could not be read: ${explain(words, "analytics") ?? words}`;
  return `WARNING: the orders Worker is not placed beside its database, so that each of its calls there may cross the world. ${why} Or name the place: --region, or the variable LOCKSTOCK_REGION of the workflow.`;
}
