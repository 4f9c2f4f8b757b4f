import { type ChildProcess } from "node:child_process";
import { spawnGroup } from "./group.ts";
import { WRANGLER } from "./project.ts";

/** What wrangler says beside the Workers' own output: tables, a line per request, a cron hint. */
const NOISE =
  /^\s*$|^\[custom build\]|^\[wrangler:info\]|^⎔|^Using secrets|^Binding\s|^env\.|has access to the following bindings|^Service bindings,|Scheduled Workers are not automatically|manually trigger a scheduled event|cdn-cgi\/local\/scheduled"|test-cron-triggers-locally|Logs were written to/;

/** Of Miniflare, a warning: one of the two workerd processes has ended and is started again. */
const CRASH = "The Workers runtime crashed unexpectedly";

/**
 * wrangler puts each Worker's name before its log lines, but forgets the one of a Worker that has a
 * [build] command (wrangler 4.155: `BundlerController.#runCustomBuild` makes its entry without a
 * name). Only the orders Worker has one.
 */
const NAMELESS = /^(.{0,6})\[undefined\]/;
const BUILT = "lockstock-orders";

/** Starts wrangler; `onCrash` is told each time one of its runtimes has ended. */
export const wrangler = (args: string[], state: string, onCrash: () => void): ChildProcess =>
  spawnGroup([WRANGLER, ...args], state, (line) => {
    if (line.includes(CRASH)) onCrash();
    return NOISE.test(line) ? undefined : line.replace(NAMELESS, `$1[${BUILT}]`);
  });
