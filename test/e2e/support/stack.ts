import type { ChildProcess } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { createTestHarness, type TestHarness } from "wrangler";
import { untilHealthy } from "../../../scripts/lib/health.ts";
import { ROOT } from "../../../scripts/lib/project.ts";
import { type Client, clientOf, signToken } from "./client.ts";
import { FeedClient } from "./feed-client.ts";
import { expectNoSecrets } from "./logs.ts";

export const SECRET = "the secret of the end-to-end tests";

/** Both Workers on a fresh state, started before the tests of a file or a describe. */
export interface Stack {
  /** Public HTTP. */
  base: URL;
  harness: TestHarness;
  anyone: Client;
  operator: Client;
  customer(id: string): Promise<Client>;
  feed(customerId: string, since?: string): Promise<FeedClient>;
  token(subject: string, options?: { scope?: string; expires?: string | Date }): Promise<string>;
  orders(): Promise<OrdersEnv>;
  stock(): Promise<StockEnv>;
  /** The minute of the cron, which only `npm start` fires by itself. */
  cron(): Promise<void>;
  /** Kills the process that runs both Workers, and waits until it is back. */
  crash(): Promise<void>;
}

/** Vars override those of wrangler.toml. Logs are printed when a test fails, and hold no secrets. */
export function useStack(vars: Partial<Record<keyof OrdersEnv, string>> = {}): Stack {
  const children: ChildProcess[] = [];
  const watch = (message: unknown) => {
    children.push((message as { process: ChildProcess }).process);
  };
  const harness = createTestHarness({
    root: ROOT,
    workers: [
      {
        configPath: "wrangler.toml",
        vars: { RATE_LIMIT: "off", ...vars },
        secrets: { AUTH_SECRET: SECRET },
      },
      { configPath: "wrangler.stock.toml" },
    ],
  });
  const lines = () => harness.getLogs().map(({ level, message }) => `${level} ${message}`);
  const token: Stack["token"] = (subject, options) => signToken(SECRET, subject, options);
  const stack = {
    harness,
    token,
    customer: async (id: string) => clientOf(stack.base, await token(id)),
    feed: async (id: string, since?: string) => new FeedClient(stack.base, await token(id), since),
    orders: () => harness.getWorker<OrdersEnv>("lockstock-orders").getEnv(),
    stock: () => harness.getWorker<StockEnv>("lockstock-stock").getEnv(),
    async cron() {
      await harness.getWorker("lockstock-orders").scheduled({ cron: "* * * * *" });
    },
    async crash() {
      // The first one is the proxy with the port; the Workers run in the last one.
      const workerds = children.filter(({ spawnfile }) => spawnfile.endsWith("workerd"));
      const workers = workerds.at(-1);
      if (!workers || workerds.length < 2) throw new Error("the Workers' process is not known");
      workers.kill("SIGKILL");
      await once(workers, "exit");
      await untilHealthy(stack.base.origin, 60_000);
    },
  } as Stack;

  beforeAll(async () => {
    channel("child_process").subscribe(watch);
    stack.base = (await harness.listen()).url;
    await harness.getWorker("lockstock-orders").applyD1Migrations("DB");
    stack.anyone = clientOf(stack.base);
    stack.operator = clientOf(stack.base, await token("operator", { scope: "operator" }));
  });
  beforeEach(({ onTestFailed }) => onTestFailed(() => console.log(lines().join("\n"))));
  afterAll(async () => {
    channel("child_process").unsubscribe(watch);
    const logged = lines();
    await harness.close();
    expectNoSecrets(logged, SECRET);
  });
  return stack;
}
