import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/project.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

/** The two programs of docs/guides/react-to-orders.md, killed again and again while orders come in. */

const stack = useStack();
const folder = mkdtempSync(join(tmpdir(), "lockstock-guide-"));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true }));

async function start(guide: string, env: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(ROOT, "docs/guides", guide)], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, NODE_NO_WARNINGS: "1", ...env },
  });
  children.push(child);
  await once(child.stdout!, "data");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

const ORDERS = 15;
const ROUNDS = 3;

/** Places orders, kills the program meanwhile and starts it again, and returns the orders' ids. */
async function underFire(again: () => Promise<ChildProcess>): Promise<string[]> {
  const sku = await stack.operator.stocked(ORDERS * ROUNDS);
  const ids: string[] = [];
  let program = await again();
  for (let round = 0; round < ROUNDS; round++) {
    const placing = Array.from({ length: ORDERS }, async (_, i) => {
      const customer = await stack.customer(`guide-${round}-${i}`);
      ids.push((await customer.place([{ sku, quantity: 1 }])).body.id);
    });
    await new Promise((resolve) => setTimeout(resolve, 400 * round));
    await kill(program);
    await Promise.all(placing);
    program = await again();
  }
  return ids;
}

interface Step {
  order_id: string;
  revision: number;
  type: string;
}

function rowsOf<T>(path: string, sql: string): T[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(sql).all() as T[];
  } finally {
    db.close();
  }
}

test("the reader handles each step exactly once and in order", async () => {
  const path = join(folder, "reader.db");
  const env = {
    LOCKSTOCK_URL: stack.base.origin,
    LOCKSTOCK_TOKEN: await stack.token("reader", { scope: "operations:read" }),
    DATABASE: path,
  };
  const ids = await underFire(() => start("follow-changes.ts", env));
  const stepsOf = (id: string) =>
    rowsOf<Step>(path, "SELECT * FROM steps ORDER BY id").filter(({ order_id }) => order_id === id);
  for (const id of ids) {
    await until(`the steps of ${id}`, () => stepsOf(id).length >= 2);
    expect(stepsOf(id).map(({ revision, type }) => `${revision} ${type}`)).toEqual([
      "1 order.placed",
      "2 order.confirmed",
    ]);
  }
});

test("the endpoint sends each mail exactly once", async () => {
  const path = join(folder, "receiver.db");
  const probe = createServer();
  await once(probe.listen(0), "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  const body = { url: `http://localhost:${port}/`, types: ["order.placed", "order.confirmed"] };
  const made = await stack.operator.call<{ id: string; secret: string }>(
    "POST",
    "/v1/webhooks",
    body,
  );
  const env = { WEBHOOK_SECRET: made.body.secret, PORT: `${port}`, DATABASE: path };
  const wake = () => stack.operator.call("PATCH", `/v1/webhooks/${made.body.id}`, {});
  const ids = await underFire(async () => {
    const program = await start("webhook-receiver.ts", env);
    // While it was away, its endpoint may have failed: the operator need not wait for the pause.
    await wake();
    return program;
  });
  const mailsTo = (id: string) =>
    rowsOf<{ order_id: string; about: string }>(path, "SELECT * FROM mails").filter(
      ({ order_id }) => order_id === id,
    );
  for (const id of ids) {
    await until(`the mail of ${id}`, () => mailsTo(id).length > 0);
    expect(mailsTo(id).map(({ about }) => about)).toEqual(["order.confirmed"]);
  }
  const unsigned = await fetch(body.url, { method: "POST", body: "{}" });
  expect(unsigned.status).toBe(401);
});
