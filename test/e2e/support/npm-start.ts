import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { freePort, NpmStart } from "../../../scripts/lib/npm-start.ts";
import { type Client, clientOf, signToken } from "./client.ts";
import { expectNoSecrets } from "./logs.ts";

export { environment, freePort } from "../../../scripts/lib/npm-start.ts";

export const ROOT = join(import.meta.dirname, "../../..");
const SECRET = "the secret of the runs by npm start";

export const execute = promisify(execFile);

/** `npm start`, and who calls it. */
export type Run = NpmStart & {
  operator: Client;
  customer(id: string): Promise<Client>;
};

/** The hooks of the test that a run belongs to, as concurrent tests have to name it. */
export type Test = Pick<TestContext, "onTestFailed" | "onTestFinished">;

/** An empty state for the runs of one test, gone after it. */
export async function emptyState({ onTestFinished }: Test): Promise<string> {
  const state = await mkdtemp(join(tmpdir(), "lockstock-"));
  onTestFinished(() => rm(state, { recursive: true, force: true, maxRetries: 5 }));
  return state;
}

/** Starts it with these arguments and vars, on a free port if they name none; it is stopped when the test ends. */
export async function start(
  { onTestFailed, onTestFinished }: Test,
  given: string[],
  vars: Record<string, string> = {},
): Promise<Run> {
  const secret = vars["AUTH_SECRET"] ?? SECRET;
  const valueOf = (name: string) => given.find((arg) => arg.startsWith(name))?.slice(name.length);
  const [state = "", port] = [valueOf("--state="), valueOf("--port=")];
  const args = given.filter((arg) => !/^--(state|port)=/.test(arg));
  const run = new NpmStart({
    state,
    port: port === undefined ? await freePort() : Number(port),
    args,
    vars: { ...vars, AUTH_SECRET: secret },
  });
  onTestFailed(() => console.log(`${given.join(" ")}\n${run.lines.join("\n")}`));
  onTestFinished(async () => {
    await run.stop();
    expectNoSecrets(run.lines, secret);
  });
  const operator = await signToken(secret, "operator", { scope: "operator" });
  return Object.assign(run, {
    operator: clientOf(run.base, operator),
    customer: async (id: string) => clientOf(run.base, await signToken(secret, id)),
  });
}
