import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { isHealthy } from "../../scripts/lib/health.ts";
import { runtimesOf, stillRunning } from "../../scripts/lib/processes.ts";
import { environment, execute, freePort, type Run, start } from "./support/npm-start.ts";
import { preparedState } from "./support/prepared-state.ts";
import { until } from "./support/until.ts";

const ROOT = join(import.meta.dirname, "../..");
const TEST_MS = 600_000;
/** A second start is refused before it starts anything. */
const REFUSED_MS = 60_000;
/** To notice that something has died and to start it again, which alone may take as long as a start. */
const BACK_MS = 200_000;

/** Runs it to its end, which it is expected to reach by itself. */
async function refusal(args: string[]): Promise<{ code: number | null; stderr: string }> {
  const options = { cwd: ROOT, env: environment(), timeout: REFUSED_MS };
  try {
    await execute(process.execPath, ["scripts/start.ts", ...args], options);
    return { code: 0, stderr: "" };
  } catch (error) {
    return error as { code: number | null; stderr: string };
  }
}

/** Process ids of wrangler's two runtimes; throws while one of them is missing. */
async function runtimeIds(run: Run) {
  const { proxy, workers } = runtimesOf(await run.processes(), Number(new URL(run.base).port));
  if (!proxy || !workers) throw new Error("a proxy and a runtime of the Workers are expected");
  return { proxy: proxy.pid, workers: workers.pid };
}

test(
  "a second start on the same state is refused with the state and the pid of the first, which goes on",
  { timeout: TEST_MS },
  async (context) => {
    const state = await preparedState(context);
    const first = await start(context, [`--state=${state}`]);
    await first.ready();
    for (const only of [[], ["--only=orders"], ["--only=stock"]]) {
      const port = await freePort();
      const { code, stderr } = await refusal([`--state=${state}`, `--port=${port}`, ...only]);
      expect(code).toBe(1);
      expect(stderr).toContain(`state ${state} is in use`);
      expect(stderr).toContain(`process ${first.pid}`);
    }
    // The same port as well, as a second `npm start` in another terminal has.
    const { stderr } = await refusal([`--state=${state}`, `--port=${new URL(first.base).port}`]);
    expect(stderr).toContain(`process ${first.pid}`);
    expect(await isHealthy(first.base)).toBe(true);
  },
);

test(
  "--only orders and --only stock share a state, once each; a full start is refused beside them",
  { timeout: TEST_MS },
  async (context) => {
    const state = await preparedState(context);
    const stock = await start(context, [`--state=${state}`, "--only=stock"]);
    const orders = await start(context, [`--state=${state}`, "--only=orders"]);
    await Promise.all([stock.ready(), orders.ready()]);
    const again = async (...args: string[]) =>
      refusal([`--state=${state}`, `--port=${await freePort()}`, ...args]);
    expect((await again("--only=orders")).stderr).toContain(`process ${orders.pid}`);
    expect((await again("--only=stock")).stderr).toContain(`process ${stock.pid}`);
    expect((await again()).stderr).toContain(`process ${orders.pid}`);
  },
);

test(
  "a start that was killed alone leaves nothing behind: its runtimes end, and the next start has its state and port",
  { timeout: TEST_MS },
  async (context) => {
    const state = await preparedState(context);
    const first = await start(context, [`--state=${state}`]);
    await first.ready();
    const others = await first.processes();
    process.kill(first.pid, "SIGKILL");
    const { port } = new URL(first.base);
    const second = await start(context, [`--state=${state}`, `--port=${port}`]);
    await second.ready();
    const haveEnded = async () => (await stillRunning(others)).length === 0;
    await until("all of the first has ended", haveEnded);
    expect(await second.stop()).toBe(0);
  },
);

test(
  "when wrangler's proxy process dies, start says so and brings the API back on its port with its state",
  { timeout: TEST_MS },
  async (context) => {
    const run = await start(context, [`--state=${await preparedState(context)}`]);
    await run.ready();
    const sku = await run.operator.stocked(5);
    process.kill((await runtimeIds(run)).proxy, "SIGKILL");
    const level = await until(
      "answers again",
      async () => (await isHealthy(run.base)) && run.operator.level(sku),
      BACK_MS,
    );
    expect(level).toMatchObject({ received: 5 });
    expect(run.lines.join("\n")).toMatch(/Lockstock: .*has not answered.*starting wrangler again/);
    expect(await run.stop()).toBe(0);
  },
);

test(
  "a runtime of the Workers that dies comes back by itself: start does not interfere",
  { timeout: TEST_MS },
  async (context) => {
    const run = await start(context, [`--state=${await preparedState(context)}`]);
    await run.ready();
    const { proxy, workers } = await runtimeIds(run);
    process.kill(workers, "SIGKILL");
    const isAnother = async () => (await runtimeIds(run)).workers !== workers;
    await until("another runtime", isAnother);
    await until("healthy", () => isHealthy(run.base));
    // Longer than a proxy that has died is waited for.
    await sleep(25_000);
    expect(await runtimeIds(run)).toMatchObject({ proxy });
    expect(run.lines.join("\n")).not.toContain("starting wrangler again");
  },
);
