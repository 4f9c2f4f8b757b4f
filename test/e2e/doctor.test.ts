import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { environment } from "../../scripts/lib/npm-start.ts";
import { ROOT } from "../../scripts/lib/project.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

/** `npm run doctor`, as an operator runs it. */

const stack = useStack();
let token = "";
beforeAll(async () => {
  token = await stack.token("watcher", { scope: "operations:read" });
  await stack.cron();
  await stack.operator.call("PUT", "/v1/items/CUP", {
    name: "Cup",
    price: { amount: 100, currency: "EUR" },
  });
  await stack.operator.receive("CUP", 1);
  const buyer = await stack.customer("ada");
  const { body } = await buyer.place([{ sku: "CUP", quantity: 1 }]);
  await until("confirmed", async () => (await buyer.order(body.id)).status === "confirmed");
});

async function doctor(...args: string[]): Promise<{ code: number; output: string }> {
  const options = { cwd: ROOT, env: environment() };
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["scripts/doctor.ts", ...args],
      options,
    );
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}
const at = (url: string, ...args: string[]) => doctor(`--url=${url}`, ...args);

test("all is well", async () => {
  const { code, output } = await at(stack.base.origin, `--token=${token}`);
  for (const line of [
    /^ok +The orders Worker answers, version \d/m,
    /^ok +Guests may order, and are not checked by Turnstile/m,
    /^ok +The database answers, and the token is accepted/m,
    /^ok +The stock Worker answers/m,
    /^ok +No alert/m,
    /A call takes \d+ ms, and \d+ ms more with one read of the database/,
  ]) {
    expect(output).toMatch(line);
  }
  // On a busy machine a local read may look far away.
  expect(code).toBe(output.includes("runs away from it") ? 1 : 0);
});

test("an alert is shown with what to do", async () => {
  const { DB } = await stack.orders();
  await DB.prepare(
    "INSERT INTO dead_letters (id, queue, body, attempts, error, at) VALUES ('x', 'order-events', '{}', 10, 'broken', 0)",
  ).run();
  const { code, output } = await at(stack.base.origin, `--token=${token}`);
  await DB.prepare("DELETE FROM dead_letters").run();
  expect([code, output]).toEqual([1, expect.stringMatching(/^WRONG.*message.*\n +\S/m)]);
});

test.each([
  ["a token of another secret", () => "x.y.z", "The token is not accepted"],
  ["a token without the right", () => stack.token("me"), "The token may not read operations"],
])("%s", async (_, made, sentence) => {
  const { code, output } = await at(stack.base.origin, `--token=${await made()}`);
  expect([code, output]).toEqual([1, expect.stringContaining(sentence)]);
});

test("nothing answers, and nothing was deployed from here", async () => {
  const silent = await at("http://127.0.0.1:1");
  expect([silent.code, silent.output]).toEqual([1, expect.stringContaining("does not answer")]);
  const unknown = await doctor("--env=never-deployed");
  expect([unknown.code, unknown.output]).toEqual([
    2,
    expect.stringContaining("never-deployed was not deployed from here: name its --url"),
  ]);
});
