import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DeployError, wrangler } from "../deploy/run-wrangler.ts";
import type { Step } from "../deploy/steps.ts";
import type { Ask } from "../lib/api-client.ts";
import { post, recover } from "../lib/procedure.ts";

export interface Options {
  /** RFC 3339: the time whose state the database is to have. */
  to: string;
  /** The config of the orders Worker that `npm run deploy` has written. */
  config: string;
  /** Remembers what is done already. */
  journal: string;
  /** Null: only the plan is wanted. */
  operator: Ask | null;
}

/** What is done already, so that a repeat does not put the database back once more. */
interface Done {
  to: string;
  /** Where the database was before: restoring to it undoes the restore. */
  undo: string;
}

/** The whole of a restore. Each step may be repeated; a run that was killed goes on where it ended. */
export function restoreSteps({ to, config, journal, operator }: Options): Step[] {
  const asOperator = (): Ask => {
    if (operator === null) throw new Error("the plan makes no calls");
    return operator;
  };
  const restoring = ["d1", "time-travel", "restore", "DB", `--timestamp=${to}`, "--json"];
  const migrating = ["d1", "migrations", "apply", "DB", "--remote", "-c", config];
  return [
    {
      title: "Freeze the service",
      plan: ["(POST /v1/operations/freeze)"],
      run: async () => {
        // Before the shop stands still: without it no later step can go on.
        if (!existsSync(config)) {
          throw new DeployError(
            `There is no ${config}: run this where the deployment was made, or give its folder with --state. Nothing was frozen.`,
          );
        }
        await post(asOperator(), "/v1/operations/freeze");
        return "frozen: orders, payments and cancellations are 503 until the last step";
      },
    },
    {
      title: `Put the database back to ${to}`,
      plan: [[...restoring, "-c", config].join(" ")],
      run: async () => {
        const known = readDone(journal);
        if (known && known.to !== to) {
          throw new DeployError(
            `A restore to ${known.to} is not finished: end it first, or delete ${journal}.`,
          );
        }
        if (known) return `done before; undo it with --bookmark=${known.undo}`;
        const { stdout } = await wrangler("database", [...restoring, "-c", config]);
        const { previous_bookmark: undo } = JSON.parse(stdout.slice(stdout.indexOf("{"))) as {
          previous_bookmark: string;
        };
        mkdirSync(dirname(journal), { recursive: true });
        writeFileSync(journal, `${JSON.stringify({ to, undo } satisfies Done)}\n`);
        return `put back; undo it with: wrangler d1 time-travel restore DB --bookmark=${undo} -c ${config}`;
      },
    },
    {
      title: "Bring the database's tables up to date",
      plan: [migrating.join(" ")],
      run: async () => {
        await wrangler("database", migrating);
        // What the database said of the freeze went back with it.
        await post(asOperator(), "/v1/operations/freeze");
        return "every migration is applied, and the service is frozen still";
      },
    },
    {
      title: "See what the items know and the database has lost",
      plan: ["(POST /v1/operations/recover, to its end)"],
      run: async () => said(await recover(asOperator(), false), "would be recovered"),
    },
    {
      title: "Recover it",
      plan: ['(POST /v1/operations/recover {"apply": true}, to its end)'],
      run: async () => said(await recover(asOperator(), true), "recovered"),
    },
    {
      title: "Thaw the service",
      plan: ["(POST /v1/operations/thaw)"],
      run: async () => {
        await post(asOperator(), "/v1/operations/thaw");
        rmSync(journal, { force: true });
        return "the service runs. Now repeat the payments, refunds, returns and erasures that your shop has recorded since";
      },
    },
  ];
}

function said(
  { orders, unrecoverable }: Awaited<ReturnType<typeof recover>>,
  what: string,
): string {
  const counts = new Map<string, number>();
  for (const { after } of orders) counts.set(after, (counts.get(after) ?? 0) + 1);
  const parts = [...counts].map(([status, n]) => `${n} ${status}`).join(", ") || "none";
  const lines = unrecoverable.map((one) => `\n      cannot be known: ${JSON.stringify(one)}`);
  return `${orders.length} orders ${what}: ${parts}${lines.join("")}`;
}

function readDone(journal: string): Done | null {
  return existsSync(journal) ? (JSON.parse(readFileSync(journal, "utf8")) as Done) : null;
}

export const journalFile = (folder: string): string => join(folder, "restore.json");
