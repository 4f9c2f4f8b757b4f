import type { ChildProcess } from "node:child_process";
import { channel } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { untilHealthy } from "../../../scripts/lib/health.ts";
import { type BundledOptions, startBundled } from "./bundled.ts";
import { type Client, clientOf, signToken } from "./client.ts";
import { FeedClient } from "./feed-client.ts";
import { expectNoSecrets } from "./logs.ts";

export const SECRET = "the secret of the end-to-end tests";

/** Both Workers on a fresh state, started before the tests of a file or a describe. */
export interface Stack {
  /** Public HTTP. */
  base: URL;
  /** What the Workers have logged, oldest first. */
  lines(): string[];
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
export function useStack(
  vars: Partial<Record<keyof OrdersEnv, string>> = {},
  options: Pick<BundledOptions, "isTraced"> = {},
): Stack {
  const children: ChildProcess[] = [];
  const watch = (message: unknown) => {
    children.push((message as { process: ChildProcess }).process);
  };
  const lines: string[] = [];
  let miniflare: Miniflare;
  let close: () => Promise<void>;
  const token: Stack["token"] = (subject, options) => signToken(SECRET, subject, options);
  const stack = {
    lines: () => lines,
    token,
    customer: async (id: string) => clientOf(stack.base, await token(id)),
    feed: async (id: string, since?: string) => new FeedClient(stack.base, await token(id), since),
    orders: () => miniflare.getBindings<OrdersEnv>("lockstock-orders"),
    stock: () => miniflare.getBindings<StockEnv>("lockstock-stock"),
    async cron() {
      await (await miniflare.getWorker("lockstock-orders")).scheduled({ cron: "* * * * *" });
    },
    async crash() {
      const workers = children.findLast(({ spawnfile }) => spawnfile.endsWith("workerd"));
      if (!workers) throw new Error("the Workers' process is not known");
      workers.kill("SIGKILL");
      await once(workers, "exit");
      await untilHealthy(stack.base.origin, 60_000);
    },
  } as Stack;

  beforeAll(async () => {
    channel("child_process").subscribe(watch);
    ({ miniflare, close } = await startBundled({
      ...options,
      vars: { RATE_LIMIT: "off", AUTH_SECRET: SECRET, ...vars },
      onLine: (line) => lines.push(line),
    }));
    stack.base = await miniflare.ready;
    stack.anyone = clientOf(stack.base);
    stack.operator = clientOf(stack.base, await token("operator", { scope: "operator" }));
  });
  beforeEach(({ onTestFailed }) => onTestFailed(() => console.log(lines.join("\n"))));
  afterAll(async () => {
    channel("child_process").unsubscribe(watch);
    await close();
    expectNoSecrets(lines, SECRET);
  });
  return stack;
}
