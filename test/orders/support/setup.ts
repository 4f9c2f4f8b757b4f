import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll } from "vitest";
import type { CustomerFeed, Reconciler } from "../../../src/orders/worker.ts";

/**
 * An alarm that goes off while a test file's Worker is taken down keeps the run from ending. So
 * each file ends with every alarm taken off, and with no pass of the Reconciler under way.
 */
afterAll(async () => {
  for (const id of await listDurableObjectIds(env.FEED)) {
    await runInDurableObject(env.FEED.get(id), (_feed: CustomerFeed, state) =>
      state.storage.deleteAlarm(),
    );
  }
  for (const id of await listDurableObjectIds(env.RECONCILER)) {
    await runInDurableObject(env.RECONCILER.get(id), async (reconciler: Reconciler, state) => {
      // Waits for the pass that is under way.
      await reconciler.alarm();
      await state.storage.deleteAlarm();
    });
  }
});
