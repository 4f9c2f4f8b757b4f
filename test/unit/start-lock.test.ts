import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { lockState, type Part } from "../../scripts/lib/lock.ts";

const LOCK = join(import.meta.dirname, "../../scripts/lib/lock.ts");

async function emptyState(): Promise<string> {
  const state = await mkdtemp(join(tmpdir(), "lockstock-lock-"));
  onTestFinished(() => rm(state, { recursive: true }));
  return state;
}

/** A process that takes the lock and then lives until it is killed; the first line it prints. */
async function holder(
  state: string,
  parts: Part[],
): Promise<{ child: ChildProcess; line: string }> {
  const program = `
    import { lockState } from ${JSON.stringify(LOCK)};
    setInterval(() => undefined, 1_000);
    lockState(${JSON.stringify(state)}, ${JSON.stringify(parts)}, 8787).then(
      ({ wasKilled }) => console.log("has it, after a kill: " + wasKilled),
      (error) => console.log(error.message),
    );`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [data] = (await once(child.stdout, "data")) as [Buffer];
  return { child, line: data.toString().trim() };
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

test("a state that another process runs is refused, with its path, the process and its address", async () => {
  const state = await emptyState();
  const { child } = await holder(state, ["orders", "stock"]);
  await expect(lockState(state, ["orders", "stock"], 9_000)).rejects.toThrow(
    `the state ${state} is in use: process ${child.pid} runs the orders Worker on it, at http://localhost:8787`,
  );
});

test("the parts of a state are locked apart; a full start needs both", async () => {
  const state = await emptyState();
  const { child } = await holder(state, ["stock"]);
  expect((await holder(state, ["orders"])).line).toBe("has it, after a kill: false");
  expect((await holder(state, ["stock"])).line).toContain(`process ${child.pid} runs the stock`);
  expect((await holder(state, ["orders", "stock"])).line).toContain("runs the orders Worker");
});

test("a process that was killed holds nothing, whoever has its id now; the next one knows that it was killed", async () => {
  const state = await emptyState();
  const first = await holder(state, ["orders", "stock"]);
  await killed(first.child);
  // As if the id now belonged to a process that lives.
  await writeFile(join(state, "locks/stock.json"), JSON.stringify({ pid: process.pid, port: 1 }));
  expect((await holder(state, ["orders", "stock"])).line).toBe("has it, after a kill: true");
});

test("of many that start at the same time exactly one has the state", async () => {
  const state = await emptyState();
  const lines = await Promise.all(
    Array.from({ length: 6 }, async () => (await holder(state, ["orders", "stock"])).line),
  );
  expect(lines.filter((line) => line.startsWith("has it"))).toHaveLength(1);
  expect(lines.filter((line) => line.includes("is in use"))).toHaveLength(5);
  expect((await readdir(join(state, "locks"))).toSorted()).toContain("orders.sqlite");
});
