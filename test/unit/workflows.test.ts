import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/project.ts";

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const { scripts, devDependencies } = JSON.parse(read("package.json"));

test.each(["ci.yml", "deploy.yml"])("every command of %s is there", (name) => {
  const text = read(`.github/workflows/${name}`);
  const commands = [...text.matchAll(/\bnpm run ([\w:]+)/g)].map(([, script = ""]) => script);
  expect(commands.filter((script) => !(script in scripts))).toEqual([]);
  for (const [, path = ""] of text.matchAll(/\bbash (\S+)/g)) {
    expect(existsSync(join(ROOT, path))).toBe(true);
  }
});

test("a deployment is told apart by secrets and variables alone, and docs/deploy.md names each", () => {
  const used = [...read(".github/workflows/deploy.yml").matchAll(/(?:secrets|vars)\.(\w+)/g)];
  expect(used.length).toBeGreaterThan(0);
  for (const [, name = ""] of used) expect(read("docs/deploy.md")).toContain(`\`${name}\``);
});

test.each([
  ["weur", "run deploy -- --region weur"],
  ["", "run deploy --"],
])("a deployment by tag is placed by the variable LOCKSTOCK_REGION, here '%s'", (region, ran) => {
  const command = /- run: (npm run deploy\b.*)/.exec(read(".github/workflows/deploy.yml"))?.[1];
  const env = { ...process.env, LOCKSTOCK_REGION: region };
  const script = `npm() { echo "$@"; }; ${command}`;
  expect(execFileSync("bash", ["-c", script], { env, encoding: "utf8" }).trim()).toBe(ran);
});

test("what shares a workerd is upgraded together", () => {
  const text = read(".github/dependabot.yml");
  const group = /platform:\n\s+patterns:\n((?:\s+- \S+\n)+)/.exec(text)?.[1] ?? "";
  const patterns = [...group.matchAll(/- "?([^"\n]+)"?/g)].map(([, one = ""]) => one);
  const isIn = (name: string) =>
    patterns.some(
      (one) => one === name || (one.endsWith("*") && name.startsWith(one.slice(0, -1))),
    );
  const built = Object.keys(devDependencies).filter((name) =>
    /wrangler|miniflare|workerd|@cloudflare\/|^vitest$/.test(name),
  );
  expect(built.length).toBeGreaterThan(3);
  expect(built.filter((name) => !isIn(name))).toEqual([]);

  // The plugin says itself which wrangler it is built for.
  const plugin = JSON.parse(read("node_modules/@cloudflare/vitest-pool-workers/package.json"));
  expect(plugin.dependencies.wrangler).toBe(devDependencies.wrangler);
});
