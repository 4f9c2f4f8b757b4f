import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ok, refused } from "./support/platform/answer.ts";
import { PlatformApi } from "./support/platform/api.ts";
import { startCommand } from "./support/platform/command.ts";

/** What `npm run deploy` says when something is in its way. */

const home = mkdtempSync(join(tmpdir(), "lockstock-deploy-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const state = (name: string) => join(home, name);
const start = (args: string[], env: Record<string, string>) =>
  startCommand("deploy", args, home, env);

describe("what wrangler refuses becomes a sentence", () => {
  const api = new PlatformApi();
  let url = "";
  beforeAll(async () => {
    url = await api.listen();
  });
  afterAll(() => api.close());
  const deploy = (env: Record<string, string> = {}) =>
    start([`--state=${state("refused")}`], { CLOUDFLARE_API_BASE_URL: url, ...env }).done;

  test("not logged in", async () => {
    const { code, output } = await deploy({ CLOUDFLARE_API_TOKEN: "" });
    expect([code, output]).toEqual([1, expect.stringContaining("You are not logged in: run `npx")]);
  });

  test("no permission for queues", async () => {
    api.onChange = () => ({
      result: null,
      status: 403,
      code: 10000,
      message: "Authentication error",
    });
    const { output } = await deploy();
    api.onChange = () => undefined;
    expect(output).toContain('give it the permission "Queues: Edit" for the account');
  });

  test("a queue that another Worker consumes", async () => {
    api.onChange = (call) =>
      call.endsWith("/consumers")
        ? { result: null, status: 409, code: 11004, message: "workers.api.error.consumer_exists" }
        : undefined;
    const { output } = await deploy();
    api.onChange = () => undefined;
    expect(output).toContain("Another Worker of this account consumes one of the queues");
  });

  test("where the database is cannot be read, and it says so", { timeout: 600_000 }, async () => {
    // Each run ends at the first change after the database.
    api.onChange = (call) =>
      /POST \/(?:queues|d1\/database)$/.test(call)
        ? undefined
        : refused(403, 10000, "Authentication error");
    api.analytics = { result: null, status: 403, text: "Forbidden" };
    const { output } = await deploy();
    api.analytics = ok({});
    const { output: read } = await deploy();
    api.onChange = () => undefined;
    expect(output).toMatch(
      /WARNING: the orders Worker is not placed.*"Account Analytics: Read".*--region/,
    );
    expect(read).toContain("in enam; the orders Worker runs beside aws:us-east-1");
    expect(read).not.toContain("WARNING");
  });

  test("no network", async () => {
    const { output } = await deploy({ CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:1/client/v4" });
    expect(output).toContain("The platform's API cannot be reached");
  });
});

test("--dry-run needs no account, and writes nothing", async () => {
  const { code, output } = await start([`--state=${state("dry")}`, "--env=staging", "--dry-run"], {
    CLOUDFLARE_API_TOKEN: "",
    CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:1/client/v4",
  }).done;
  expect(code).toBe(0);
  expect(output).toContain("wrangler d1 create lockstock-orders-staging");
  expect(output).toContain("wrangler queues create stock-events-dlq-staging");
  expect(existsSync(state("dry"))).toBe(false);
});

test("an address that is no origin is refused", async () => {
  const { code, output } = await start(["--url=localhost:8787", "--dry-run"], {}).done;
  expect([code, output]).toEqual([2, expect.stringMatching(/^--url is an origin such as https:/)]);
});
