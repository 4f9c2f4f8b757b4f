import { expect } from "vitest";
import type { RecoverPage } from "../../../src/orders/recover/recover.ts";
import { beat, pass_ms, putBack, type Snapshot } from "./restore.ts";
import { deliver, settleAll } from "./stock.ts";
import { OPERATOR, reconciler, type World } from "./world.ts";

type Page = Omit<RecoverPage, "next"> & { applied: boolean; nextCursor: string | null };

/** Puts D1 back, and has the reconciler notice it. */
export async function restore(before: Snapshot): Promise<void> {
  await beat();
  await putBack(before);
  await reconciler().poke();
  expect((await reconciler().health()).frozen?.reason).toBe("database_put_back");
}

/** All pages of one run; each answer is what an operator's script would see. */
export async function recover(world: World, apply = true): Promise<Page> {
  pass_ms(31_000);
  const all: Page = { applied: apply, orders: [], unrecoverable: [], drafts: [], nextCursor: null };
  let cursor: string | null = null;
  do {
    const body: { apply: boolean; cursor: string | null } = { apply, cursor };
    const answer = await world.call("POST", "/v1/operations/recover", { as: OPERATOR, body });
    expect([answer.status, answer.body.code]).toEqual([200, undefined]);
    const page = answer.body as unknown as Page;
    all.orders.push(...page.orders);
    all.unrecoverable.push(...page.unrecoverable);
    all.drafts.push(...page.drafts);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

export async function thaw(world: World): Promise<void> {
  const answer = await world.call("POST", "/v1/operations/thaw", { as: OPERATOR });
  expect([answer.status, answer.body.code]).toEqual([200, undefined]);
}

/** As the queue and the reconciler do it in time. */
export async function settleEverything(world: World): Promise<void> {
  for (let passes = 0; passes < 4; passes++) {
    const { outcomes } = await deliver(world.sent.splice(0));
    await settleAll(outcomes);
    pass_ms(61_000);
    await reconciler().poke();
  }
}
