import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { forgetTheDead } from "../../scripts/lib/registry.ts";

async function listening() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, address: `127.0.0.1:${port}` };
}

test("a start forgets Workers whose process was killed, and no others", async () => {
  const registry = await mkdtemp(join(tmpdir(), "lockstock-registry-"));
  onTestFinished(() => rm(registry, { recursive: true }));
  const [alive, killed] = await Promise.all([listening(), listening()]);
  onTestFinished(() => void alive.server.close());
  killed.server.close();
  await once(killed.server, "close");
  const entry = (name: string, text: string) => writeFile(join(registry, name), text);
  await entry("alive", JSON.stringify({ debugPortAddress: alive.address }));
  await entry("killed", JSON.stringify({ debugPortAddress: killed.address }));
  await entry("torn", '{"debugPortAddress": "127');

  await forgetTheDead(registry);
  expect(await readdir(registry)).toEqual(["alive"]);
});

test("a state on which nothing has run yet has nobody to forget", async () => {
  const registry = join(tmpdir(), "lockstock-no-such-registry");
  await expect(forgetTheDead(registry)).resolves.toBeUndefined();
});
