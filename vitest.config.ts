import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
// Comes with wrangler.
import { kCurrentWorker } from "miniflare";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/support/sequencer.ts";

/**
 * Files at the same time, of all projects but `cost`. More than there are processors: end-to-end and
 * browser tests wait for most of their time, and the others fill it.
 */
const BESIDE = { maxWorkers: 6 };

/** A process runs one file after the other; what they import is loaded once. */
const SHARED_PROCESS = { ...BESIDE, isolate: false };

/** Files that follow each other in one workerd share it; see the setup file. */
const SHARED_WORKERD = {
  ...SHARED_PROCESS,
  setupFiles: ["test/support/rest.ts"],
  // Few of them take a second; the limit is for a machine with ten times the load.
  testTimeout: 180_000,
  hookTimeout: 180_000,
};

const RUN_FOLDER = ["test/support/run-folder.ts"];

/** The orders Worker alone. */
const ordersWorker = () =>
  cloudflareTest(async () => ({
    wrangler: { configPath: "./wrangler.toml" },
    miniflare: {
      bindings: {
        AUTH_SECRET: "a secret of the tests, long enough",
        RATE_LIMIT: "off", // a test makes more calls than a customer
        DEMAND_WRITE_SECONDS: "1", // tests wait for what goes on in the background
        MIGRATIONS: await readD1Migrations("./migrations"),
      },
      // Alone means alone: every call over the lane throws, as with the stock Worker absent.
      serviceBindings: { STOCK: "absent" },
      workers: [
        {
          name: "absent",
          modules: true,
          script: "export default { fetch() { throw new Error('absent'); } };",
        },
      ],
    },
  }));

/** Three levels: the pure core, each Worker alone in workerd, and both together over HTTP. */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    // What a failing test has logged is shown; that of the others would be 20,000 lines.
    silent: "passed-only",
    projects: [
      {
        test: {
          ...SHARED_PROCESS,
          name: "unit",
          include: ["test/{unit,compat}/**/*.test.ts"],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          ...SHARED_PROCESS,
          testTimeout: 180_000,
          name: "sim",
          include: ["test/sim/**/*.test.ts", "test/conformance/stand-ins.test.ts"],
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./test/conformance/wrangler.toml" } })],
        test: {
          ...BESIDE,
          name: "conformance",
          include: ["test/conformance/workerd.test.ts"],
          testTimeout: 60_000,
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.stock.toml" } })],
        test: { ...SHARED_WORKERD, name: "stock", include: ["test/stock/**/*.test.ts"] },
      },
      {
        plugins: [ordersWorker()],
        test: {
          ...SHARED_WORKERD,
          name: "orders",
          include: ["test/orders/**/*.test.ts"],
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            main: "./test/life/support/both.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                AUTH_SECRET: "a secret of the tests, long enough",
                RATE_LIMIT: "off",
                MIGRATIONS: await readD1Migrations("./migrations"),
                DEMAND_WRITE_SECONDS: "0", // each call waits for what goes on in the background
                LOCK_RETENTION_DAYS: "30",
                LEDGER_RETENTION_DAYS: "365",
              },
              // Both Workers in one isolate: real D1 and real stock items, calls that can be counted.
              durableObjects: {
                ITEM: { className: "StockItem", useSQLite: true },
                INDEX: { className: "StockIndex", useSQLite: true },
              },
              serviceBindings: { STOCK: { name: kCurrentWorker, entrypoint: "StockApi" } },
              // Nobody reads it: a test delivers its messages itself, and none comes as a file ends.
              queueProducers: { STOCK_EVENTS: { queueName: "unread" } },
            },
          })),
        ],
        test: {
          ...SHARED_WORKERD,
          name: "life",
          include: ["test/life/**/*.test.ts"],
        },
      },
      {
        plugins: [ordersWorker()],
        test: {
          ...SHARED_WORKERD,
          name: "hostile",
          globalSetup: ["test/hostile/support/siteverify-setup.ts"],
          include: ["test/hostile/**/*.test.ts"],
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: RUN_FOLDER,
          // Every file has its own ports and state.
          ...SHARED_PROCESS,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          env: { WRANGLER_LOG: "error", WRANGLER_SEND_METRICS: "false" },
        },
      },
      {
        test: {
          name: "cost",
          include: ["test/cost/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          env: { WRANGLER_LOG: "error", WRANGLER_SEND_METRICS: "false" },
          fileParallelism: false,
          // Full load needs the machine.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          globalSetup: RUN_FOLDER,
          // The pages ask anew every 2 to 4 s; an answer takes seconds while the machine is busy.
          expect: { poll: { timeout: 20_000 } },
          ...BESIDE,
          testTimeout: 180_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
