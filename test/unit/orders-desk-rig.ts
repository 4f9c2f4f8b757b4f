import type { Announcement } from "../../src/orders/order/announce.ts";
import type { Order } from "../../src/orders/order/order.ts";
import { GroupCommit } from "../../src/orders/place/group-commit.ts";
import type { Candidate, Placement } from "../../src/orders/place/placement.sql.ts";
import { order } from "../support/order.ts";

const FREE = { amount: 0, currency: "EUR" };

let ids = 0;
export const candidate = (parts: Partial<Candidate> = {}): Candidate => ({
  id: `order-${++ids}`,
  customerId: "customer",
  key: null,
  lines: [{ sku: "CUP", quantity: 1 }],
  ...parts,
});

const orderOf = ({ id, customerId, lines }: Candidate): Order =>
  order({
    id,
    customerId,
    lines: lines.map((line) => ({ ...line, name: "", price: FREE, limitPerCustomer: null })),
  });

export const placedAs = (one: Candidate, isPresent = false): Placement => {
  return { type: "placed", order: orderOf(one), isPresent };
};

type Outcome = (batch: readonly Candidate[]) => Placement[];
export const allPlaced: Outcome = (batch) => batch.map((one) => placedAs(one));

/** A desk whose D1 answers only when the test lets it. */
export function rig(outcome: Outcome = allPlaced) {
  const log: string[] = [];
  const batches: Candidate[][] = [];
  const announced: Announcement[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const desk = new GroupCommit({
    async placeAll(batch) {
      log.push("commit");
      batches.push([...batch]);
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
      log.push("durable");
      return outcome(batch);
    },
    async decide() {
      return null;
    },
    async watch() {
      log.push("watch");
    },
    async announce(placed) {
      log.push("announce");
      announced.push(placed);
    },
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return {
    desk,
    log,
    batches,
    announced,
    turn,
    /** Lets the batch that is under way through. */
    commit: async () => {
      // After a large batch the desk gathers for a moment before the next.
      for (let i = 0; i < 10 && gates.length === 0; i++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      gates.shift()?.resolve();
      await turn();
    },
  };
}

export const sizes = (batches: Candidate[][]): number[] => batches.map((batch) => batch.length);
