import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

/** Three levels (the pure core, each Worker alone in workerd, both together over HTTP) and the simulation. */
export default defineConfig(async () => ({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"] } },
      {
        test: {
          name: "sim",
          include: ["test/sim/**/*.test.ts", "test/conformance/stand-ins.test.ts"],
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./test/conformance/wrangler.toml" } })],
        test: { name: "conformance", include: ["test/conformance/workerd.test.ts"] },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.stock.toml" } })],
        test: { name: "stock", include: ["test/stock/**/*.test.ts"] },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                AUTH_SECRET: "a secret of the tests, long enough",
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
          }),
        ],
        test: { name: "orders", include: ["test/orders/**/*.test.ts"] },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
}));
