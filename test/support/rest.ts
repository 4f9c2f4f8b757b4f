import { listDurableObjectIds, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll } from "vitest";

interface Alarmed extends Rpc.DurableObjectBranded {
  alarm(): Promise<void>;
}

/**
 * The files of a project share one workerd, since starting one takes longer than most files run.
 * Each begins without what others have stored, and applies the migrations that it needs.
 */
beforeAll(() => reset());

/**
 * An alarm that goes off while a test file's Worker is taken down keeps the run from ending. So
 * each file ends with every alarm taken off, after letting an alarm that is under way end.
 */
afterAll(async () => {
  for (const name of ["FEED", "RECONCILER", "ITEM"] as const) {
    const namespace: DurableObjectNamespace<Alarmed> | undefined = Reflect.get(env, name);
    if (!namespace) continue;
    for (const id of await listDurableObjectIds(namespace)) {
      await runInDurableObject(namespace.get(id), async (object: Alarmed, state) => {
        if (name === "RECONCILER") await object.alarm();
        await state.storage.deleteAlarm();
      });
    }
  }
});
