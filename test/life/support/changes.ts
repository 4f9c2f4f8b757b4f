import type { ChangeView } from "../../../src/orders/changes/change.ts";
import { OPERATOR, type World } from "./world.ts";

/** A reader that follows the cursor as a shop's backend does. */
export function readerOf(world: World, { limit = 100 } = {}) {
  let after: string | null = null;
  const page = async (): Promise<ChangeView[]> => {
    const query = new URLSearchParams({ limit: `${limit}`, ...(after !== null && { after }) });
    const { status, body } = await world.call("GET", `/v1/changes?${query.toString()}`, {
      as: OPERATOR,
    });
    if (status !== 200) throw new Error(`${status} ${body.code}`);
    after = body.nextCursor as string;
    return body.changes as ChangeView[];
  };
  return {
    page,
    cursor: () => after,
    /** All that is there, page after page. */
    async read(): Promise<ChangeView[]> {
      const all: ChangeView[] = [];
      for (;;) {
        const changes = await page();
        if (changes.length === 0) return all;
        all.push(...changes);
      }
    },
  };
}

/** `type revision` of an order's changes. */
export const stepsOf = (changes: readonly ChangeView[], id: string): string[] =>
  changes.flatMap((change) =>
    "order" in change && change.orderId === id ? [`${change.type} ${change.revision}`] : [],
  );
