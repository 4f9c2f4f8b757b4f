import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { environment, execute, ROOT, start } from "./support/npm-start.ts";
import { preparedState } from "./support/prepared-state.ts";

/** Runs what README.md tells its readers to type. */

const AUTH_SECRET = "the secret of the README's commands";
const README = readFileSync(join(ROOT, "README.md"), "utf8");

/** The first block of commands below a heading. */
function commandsOf(heading: string): string {
  const section = README.split(`\n## ${heading}\n`)[1];
  const commands = section?.match(/```sh\n([^]*?)```/)?.[1];
  if (commands === undefined) throw new Error(`README.md has no commands below "${heading}"`);
  return commands;
}

test("an order, a payment and a return with curl", async (context) => {
  const state = await preparedState(context);
  const run = await start(context, [`--state=${state}`], { AUTH_SECRET });
  await run.ready();
  // Each command that prints is followed by another, so a line's end has to be added.
  const script = [commandsOf("Place an order"), commandsOf("Put it behind your shop")]
    .join("\necho\n")
    .replace("http://localhost:8787", run.base)
    .replaceAll(/^# .*$/gm, "echo");
  const { stdout } = await execute("bash", ["-euo", "pipefail", "-c", script], {
    cwd: ROOT,
    env: { ...environment(), AUTH_SECRET },
  });
  const answers = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
  expect(answers).toMatchObject([
    { status: "confirmed", lines: [{ sku: "VINYL-TIDES", quantity: 1 }] },
    { payment: { state: "applied", amount: 3490 } },
    { return: { reason: "too quiet" }, order: { status: "returned", customerId: "ada" } },
  ]);
});
