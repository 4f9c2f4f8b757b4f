import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build, transformSync } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "../../scripts/lib/browser.ts";
import { ROOT } from "../../scripts/lib/project.ts";
import { describeInBrowser } from "../browser/support/site.ts";
import { execute } from "./support/npm-start.ts";
import { examplesOf, packedProject, type Project, typeErrors } from "./support/packed-client.ts";
import type { Given } from "./support/packed-program.ts";
import { useStack } from "./support/stack.ts";

const HTML = `<!doctype html><title>Shop</title><script type="importmap">
  { "imports": { "@lockstock/client": "/node_modules/@lockstock/client/dist/index.js" } }
</script>`;

/** Serves a page and the project's modules, from another origin than the API's. */
const pages = createServer((request, response) => {
  const { url = "/" } = request;
  if (url === "/") return response.setHeader("Content-Type", "text/html").end(HTML);
  if (!url.endsWith(".js")) return response.writeHead(404).end();
  const text = readFileSync(
    join(project.folder, url.replace(/program\.js$/, "program.ts")),
    "utf8",
  );
  const { code } = transformSync(text, { loader: "ts" });
  return response.setHeader("Content-Type", "text/javascript").end(code);
}).listen(0, "127.0.0.1");
await once(pages, "listening");
const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;

const SECRET = `whsec_${Buffer.from("the secret of an endpoint").toString("base64")}`;

const stack = useStack({ CORS_ORIGINS: origin });
let project: Project;

beforeAll(async () => {
  project = await packedProject();
});
afterAll(() => {
  pages.close();
  rmSync(project.folder, { recursive: true, force: true });
});

async function given(customer: string): Promise<Given> {
  const payload = JSON.stringify({ type: "order.paid", timestamp: "", data: {} });
  const now = new Date();
  return {
    url: stack.base.origin,
    token: await stack.token(customer),
    service: await stack.token("warehouse", { scope: "operations:read" }),
    sku: await stack.operator.stocked(3),
    webhook: {
      payload,
      headers: {
        "webhook-id": "msg_1",
        "webhook-timestamp": `${Math.floor(now.getTime() / 1_000)}`,
        "webhook-signature": new Webhook(SECRET).sign("msg_1", now, payload),
      },
      secret: SECRET,
    },
  };
}

const EXPECTED = {
  isRepeated: true,
  lane: "confirmed",
  isInOrder: true,
  last: "3 cancelled",
  states: ["live", "closed"],
  refusal: { code: "out_of_stock", requested: 1_000, hasRequestId: true },
  steps: ["order.placed", "order.confirmed", "order.cancelled"],
  event: "order.paid",
};

test("the package has its modules, their declarations, a readme, a license, and needs no other", () => {
  const { files, manifest } = project;
  const modules = files.filter((name) => name.endsWith(".js"));
  expect(modules).toContain("dist/index.js");
  const declarations = files.filter((name) => name.endsWith(".d.ts"));
  expect(declarations).toEqual(modules.map((name) => name.replace(/\.js$/, ".d.ts")));
  const read = (name: string) =>
    readFileSync(join(project.folder, "node_modules/@lockstock/client", name), "utf8");
  expect(declarations.filter((name) => /from "[^"]+\.ts"/.test(read(name)))).toEqual([]);
  const others = files.filter((name) => !modules.includes(name) && !declarations.includes(name));
  expect(others).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
  expect(manifest.dependencies).toBeUndefined();
});

const types = (path: string): string => join(ROOT, "node_modules", path);

test.each([
  ["a browser", { lib: ["es2024", "dom"], types: [] }],
  ["Node", { lib: ["es2024"], types: [types("@types/node/index.d.ts")] }],
  ["a Worker", { lib: ["es2024"], types: [types("@cloudflare/workers-types/index.d.ts")] }],
])("it type-checks in an empty project for %s, libraries included", async (name, globals) => {
  expect(await typeErrors(project, name, globals)).toBe("");
});

test("the examples of its readme type-check, and the first order is placed and followed", async () => {
  const examples = examplesOf(project);
  expect(examples).toHaveLength(3);
  const globals = { lib: ["es2024", "dom"], types: [types("@types/node/index.d.ts")] };
  expect(await typeErrors(project, "readme", globals, examples)).toBe("");

  const item = { name: "Tides", price: { amount: 3_200, currency: "EUR" } };
  await stack.operator.call("PUT", "/v1/items/VINYL-TIDES", item);
  await stack.operator.receive("VINYL-TIDES", 1);
  const browser = `globalThis.localStorage = { token: "${await stack.token("reader")}" };`;
  const [first = ""] = examples;
  const program = first.replace("http://localhost:8787", stack.base.origin);
  const end = "setTimeout(() => feed.close(), 5_000);";
  const path = join(project.folder, "readme.ts");
  writeFileSync(path, program.replace("\n\n", `\n${browser}\n`) + end);
  const { stdout } = await execute(process.execPath, [path]);
  expect(stdout).toMatch(/^confirmed null 20/m);
  expect(stdout).toMatch(/^live$/m);
  expect(stdout).toMatch(/^[0-9a-f-]{36} confirmed$/m);
});

test("it runs in Node", async () => {
  const input = JSON.stringify(await given("packed-node"));
  writeFileSync(
    join(project.folder, "main.ts"),
    `import { useClient } from "./program.ts";
    console.log(JSON.stringify(await useClient(${input})));`,
  );
  const { stdout } = await execute(process.execPath, [join(project.folder, "main.ts")]);
  expect(JSON.parse(stdout)).toEqual(EXPECTED);
});

const WORKER = `import { useClient } from "./program.ts";
  export default {
    async fetch(request) {
      return Response.json(await useClient(await request.json()));
    },
  };`;

test("it runs in a Worker", async () => {
  const { outputFiles } = await build({
    stdin: { contents: WORKER, resolveDir: project.folder },
    bundle: true,
    format: "esm",
    write: false,
  });
  const script = outputFiles[0]?.text ?? "";
  const options = { name: "consumer", modules: true, script, compatibilityDate: "2026-10-23" };
  const worker = new Miniflare(convertV4MiniflareOptions(options as never));
  try {
    const body = JSON.stringify(await given("packed-worker"));
    const answer = await worker.dispatchFetch("http://consumer/", { method: "POST", body });
    expect(await answer.json()).toEqual(EXPECTED);
  } finally {
    await worker.dispose();
  }
});

describeInBrowser("in Chromium", () => {
  test("it runs unbundled, against an API of another origin", async () => {
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(origin);
      const input = JSON.stringify(await given("packed-browser"));
      const run = `import("/program.js").then(({ useClient }) => useClient(${input}))`;
      expect(await page.evaluate(run)).toEqual(EXPECTED);
    } finally {
      await browser.close();
    }
  });
});
