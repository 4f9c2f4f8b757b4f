import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/project.ts";

/** `npm run import` against a shop in memory, which kills it between two calls. */

/** One more than a call has lines: the last one is in a call of its own. */
const LINES = 201;
const LAST = `SKU-${LINES - 1}`;

interface Change {
  sku: string;
  unsold: number;
  expected: number;
}

/** What is on each shelf, and the first answers by key and SKU. */
const shelves = new Map<string, number>();
const answers = new Map<string, object>();
let child: ChildProcess | undefined;
/** Call of counts that kills the import instead of being answered; 0: none. */
let killedAt = 0;
let calls = 0;

function count({ sku, unsold, expected }: Change, key: string): object {
  const first = answers.get(`${key} ${sku}`);
  if (first) return { ...first, replayed: true };
  const level = (available: number) => ({ sku, available, held: 0 });
  const now = shelves.get(sku) ?? 0;
  const isAsExpected = now === expected;
  if (isAsExpected) shelves.set(sku, unsold);
  const answer = isAsExpected
    ? { sku, status: 200, level: level(unsold) }
    : { sku, status: 409, code: "stock_changed", level: level(now) };
  answers.set(`${key} ${sku}`, answer);
  return answer;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const say = (body: object) =>
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  if (request.method === "GET") {
    const items = [...shelves].map(([sku, available]) => ({ sku, level: { available, held: 0 } }));
    say({ items, nextCursor: null });
    return;
  }
  const key = String(request.headers["idempotency-key"]);
  const { changes } = JSON.parse(await text(request)) as { changes: Change[] };
  if (++calls === killedAt) child?.kill("SIGKILL");
  else say({ results: changes.map((change) => count(change, key)) });
}
const server = createServer((request, response) => void answer(request, response));

const folder = mkdtempSync(join(tmpdir(), "lockstock-import-"));
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  answers.clear();
  calls = killedAt = 0;
  for (let i = 0; i < LINES; i++) shelves.set(`SKU-${i}`, 40);
});

function fileOf(name: string, stock: number): string {
  const path = join(folder, name);
  const lines = Array.from({ length: LINES }, (_, i) => `SKU-${i},${stock}`);
  writeFileSync(path, ["sku,stock", ...lines].join("\n"));
  return path;
}

async function run(file: string, ...options: string[]) {
  const { port } = server.address() as AddressInfo;
  const script = join(ROOT, "scripts/import.ts");
  const args = [script, file, "--url", `http://127.0.0.1:${port}`, "--yes", ...options];
  child = spawn(process.execPath, args, { env: { ...process.env, LOCKSTOCK_TOKEN: "token" } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (part: string) => (output += part));
  }
  const [code] = await once(child, "close");
  return { code: code as number | null, output };
}

/** Is killed before the last line is sent. */
async function killed(file: string, ...options: string[]): Promise<void> {
  killedAt = calls + 2;
  expect((await run(file, ...options)).code).toBeNull();
}

const besides = (file: string) =>
  readdirSync(folder).filter((name) => join(folder, name).startsWith(`${file}.`));

describe("an import that was killed and is repeated", { timeout: 120_000 }, () => {
  test("puts back no unit that was paid for before its line was sent", async () => {
    const file = fileOf("sold.csv", 40);
    await killed(file);
    shelves.set(LAST, 35);
    const { code, output } = await run(file);
    expect(shelves.get(LAST)).toBe(35);
    expect([code, output]).toEqual([1, expect.stringContaining(`${LAST}: the stock has changed`)]);
    expect(output).toContain("200 stocks were counted by an earlier import");
    expect(besides(file)).toEqual([]);
  });

  test("does what is left, also after it was killed again", async () => {
    const file = fileOf("left.csv", 50);
    await killed(file);
    await killed(file);
    expect([shelves.get("SKU-0"), shelves.get(LAST)]).toEqual([50, 40]);
    expect((await run(file)).code).toBe(0);
    expect(shelves.get(LAST)).toBe(50);
    expect(besides(file)).toEqual([]);
  });

  test("under another name, or after its file was changed, is another import", async () => {
    const file = fileOf("changed.csv", 45);
    await killed(file);
    shelves.set(LAST, 35);
    expect((await run(file, "--again", "second")).code).toBe(0);
    expect(shelves.get(LAST)).toBe(45);
    fileOf("changed.csv", 46);
    expect((await run(file)).code).toBe(0);
    expect(shelves.get(LAST)).toBe(46);
  });
});
