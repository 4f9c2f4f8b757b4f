import { existsSync } from "node:fs";
import { DeployError, jsonIn, wrangler } from "../deploy/run-wrangler.ts";
import type { Step } from "../deploy/step.ts";
import type { Ask } from "../lib/api-client.ts";
import { post, recover } from "../lib/procedure.ts";
import { endJournal, readJournal, writeJournal } from "./journal.ts";

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

/** The whole of a restore. Each step may be repeated; a run that was killed goes on where it ended. */
export function restoreSteps({ to, config, journal, operator }: Options): Step[] {
  const asOperator = (): Ask => {
    if (operator === null) throw new Error("the plan makes no calls");
    return operator;
  };
  const info = ["d1", "time-travel", "info", "DB", "--json", "-c", config];
  const looking = [...info, `--timestamp=${to}`];
  const restoring = ["d1", "time-travel", "restore", "DB", `--timestamp=${to}`, "--json"];
  const migrating = ["d1", "migrations", "apply", "DB", "--remote", "-c", config];
  return [
    {
      // Before the shop stands still: without a login, the permission or that time no later step goes on.
      title: `See that the database can be put back to ${to}`,
      plan: [looking.join(" ")],
      run: async () => {
        if (!existsSync(config)) {
          throw new DeployError(
            `There is no ${config}: run this where the deployment was made, or give its folder with --state. Nothing was frozen.`,
          );
        }
        const known = readJournal(journal);
        if (known && known.to !== to) {
          throw new DeployError(
            `A restore to ${known.to} is not finished: end it first, or note that --bookmark=${known.undo} undoes it and delete ${journal}.`,
          );
        }
        if (known?.isRestored) return "it was put back before";
        return `it can, to ${await bookmark(looking)}`;
      },
    },
    {
      title: "Freeze the service",
      plan: ["(POST /v1/operations/freeze)"],
      run: async () => {
        await post(asOperator(), "/v1/operations/freeze");
        return "frozen: orders, payments and cancellations are 503 until the last step";
      },
    },
    {
      title: `Put the database back to ${to}`,
      plan: [
        info.join(" "),
        `(writes the bookmark to ${journal})`,
        [...restoring, "-c", config].join(" "),
      ],
      run: async () => {
        const known = readJournal(journal);
        if (known?.isRestored) return `done before; undo it with --bookmark=${known.undo}`;
        // Written before the restore, which a killed run may have done: today's bookmark is then one of
        // the database that was put back, and would undo nothing. Done twice, a restore changes nothing.
        const undo = known?.undo ?? (await bookmark(info));
        writeJournal(journal, { to, undo, isRestored: false });
        await wrangler("database", [...restoring, "-c", config]);
        writeJournal(journal, { to, undo, isRestored: true });
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
        endJournal(journal);
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

/** Of the time that the command names, or of now. */
async function bookmark(args: string[]): Promise<string> {
  const { stdout } = await wrangler("database", args);
  return (jsonIn(stdout) as { bookmark: string }).bookmark;
}
