import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/project.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

/** The program of docs/guides/sync-stock-from-your-erp.md, twice at once and while the shop sells. */

const stack = useStack();
const folder = mkdtempSync(join(tmpdir(), "lockstock-erp-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface ErpItem {
  sku: string;
  onShelf: number;
  shipped: number;
}

async function sync(erp: ErpItem[]): Promise<{ code: number; output: string }> {
  const file = join(folder, `${crypto.randomUUID()}.json`);
  writeFileSync(file, JSON.stringify(erp));
  const scope = "stock:write operations:read";
  const child = spawn(process.execPath, [join(ROOT, "docs/guides/sync-stock.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      LOCKSTOCK_URL: stack.base.origin,
      LOCKSTOCK_TOKEN: await stack.token("erp", { scope }),
      ERP_FILE: file,
    },
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "exit")) as [number];
  return { code, output };
}

test("overlapping syncs while orders are paid: every unit is where it should be", async () => {
  const { operator } = stack;
  const skus = await Promise.all(Array.from({ length: 8 }, () => operator.stocked(50)));
  // Ten units of each have been lost in the warehouse.
  const erp = skus.map((sku) => ({ sku, onShelf: 40, shipped: 0 }));
  const selling = skus.map(async (sku, i) => {
    const customer = await stack.customer(`erp-${i}`);
    const { body } = await customer.place([{ sku, quantity: 3 }]);
    await until("it is confirmed", async () => {
      return (await operator.order(body.id)).status === "confirmed";
    });
    await operator.call("POST", `/v1/orders/${body.id}/pay`);
    return body.id;
  });
  const runs = await Promise.all([sync(erp), sync(erp), ...selling]);
  expect(runs).toHaveLength(2 + skus.length);
  for (const sku of skus) {
    await until("it is sold", async () => (await operator.level(sku)).sold === 3);
    await until("the read model has it", async () => {
      const level = await operator.level(sku);
      return (await operator.item(sku)).available === level.available;
    });
  }
  // An hour later. Nothing is shipped yet, so the three paid units lie on the shelf.
  const last = await sync(erp);
  expect(last.code).toBe(0);
  for (const sku of skus) {
    expect(await operator.level(sku)).toMatchObject({ received: 40, available: 37, sold: 3 });
  }
  const again = await sync(erp);
  expect(again.output).toMatch(/^0 counts applied, 8 as they are/);
});

test("a shelf with fewer units than unpaid orders hold is reported with these orders", async () => {
  const sku = await stack.operator.stocked(5);
  const customer = await stack.customer("erp-holder");
  const { body } = await customer.place([{ sku, quantity: 4 }]);
  await until("it is held", async () => (await stack.operator.item(sku)).available === 1);
  const { code, output } = await sync([{ sku, onShelf: 2, shipped: 0 }]);
  expect(code).toBe(1);
  expect(output).toContain(`${sku}: orders hold 4, more than there are: ${body.id}`);
});
