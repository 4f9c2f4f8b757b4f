import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type Order,
  type Status,
  TRANSITIONS,
  type TransitionName,
} from "../../src/orders/order/order.ts";
import { acknowledge, postpone, transition } from "../../src/orders/order/orders.sql.ts";
import { orderNow, pendingOrder, POLICY, tamper } from "./support/data.ts";
import { migrate } from "./support/worker.ts";

beforeAll(migrate);

const NOW = 2_000_000;
const WINDOW = { ...POLICY, paymentWindow_ms: 60_000 };

/** An order as it stands in each status, settled. */
async function orderIn(status: Status): Promise<Order> {
  const { id } = await pendingOrder({ placedAt_ms: 1_000_000 });
  if (status !== "pending") {
    await tamper(id, {
      status,
      reason: status === "cancelled" ? "customer_request" : null,
      awaits: null,
      due_at: null,
      revision: 2,
      pay_by: status === "confirmed" ? NOW : null,
    });
  }
  return orderNow(id);
}

async function move(id: string, name: TransitionName, { policy = POLICY, now_ms = NOW } = {}) {
  await env.DB.batch(transition(env.DB, name, [{ id }], { policy, now_ms }));
  return orderNow(id);
}

const names = Object.keys(TRANSITIONS) as TransitionName[];
const statuses: Status[] = ["pending", "confirmed", "paid", "cancelled"];
const table = names.flatMap((name) =>
  statuses.map((status) => {
    const applies = (TRANSITIONS[name].from as readonly Status[]).includes(status);
    return [name, status, applies] as const;
  }),
);

describe("invariant 4: the transitions in D1", () => {
  it.each(table.filter(([, , applies]) => applies))(
    "%s moves a %s order by one revision, with its history",
    async (name, status) => {
      const before = await orderIn(status);
      const after = await move(before.id, name);
      const { to, reason, awaits } = TRANSITIONS[name];
      expect(after).toMatchObject({
        status: to,
        reason,
        awaits,
        revision: before.revision + 1,
        updatedAt_ms: NOW,
        dueAt_ms: awaits === null ? null : NOW + 30_000,
        attempts: 0,
      });
      expect(after.history).toEqual([
        ...before.history,
        { revision: before.revision + 1, status: to, reason, at_ms: NOW, actor: null },
      ]);
    },
  );

  it.each(table.filter(([, , applies]) => !applies))(
    "%s leaves a %s order as it was",
    async (name, status) => {
      const before = await orderIn(status);
      expect(await move(before.id, name)).toEqual(before);
    },
  );

  it("twice is once", async () => {
    const { id } = await orderIn("pending");
    const once = await move(id, "cancel");
    expect(await move(id, "cancel", { now_ms: NOW + 1 })).toEqual(once);
  });

  it("a batch of transitions that race ends in exactly one of them", async () => {
    const { id } = await orderIn("confirmed");
    const clock = { policy: POLICY, now_ms: NOW };
    await env.DB.batch(
      (["pay", "expire", "cancel"] as const).flatMap((name) =>
        transition(env.DB, name, [{ id }], clock),
      ),
    );
    expect(await orderNow(id)).toMatchObject({ status: "paid", revision: 3 });
  });
});

describe("the payment window", () => {
  it("starts at the confirmation, and the order is due at its end", async () => {
    const { id } = await orderIn("pending");
    const confirmed = await move(id, "confirm", { policy: WINDOW });
    expect(confirmed).toMatchObject({ payBy_ms: NOW + 60_000, dueAt_ms: NOW + 60_000 });
  });

  it("expires an order at payBy and not before", async () => {
    const { id } = await orderIn("pending");
    await move(id, "confirm", { policy: WINDOW });
    const early = await move(id, "expire", { policy: WINDOW, now_ms: NOW + 59_999 });
    expect(early.status).toBe("confirmed");
    const late = await move(id, "expire", { policy: WINDOW, now_ms: NOW + 60_000 });
    expect(late).toMatchObject({ status: "cancelled", reason: "payment_timeout" });
  });

  it("an order that is paid late, before the expiry was committed, is paid", async () => {
    const { id } = await orderIn("pending");
    await move(id, "confirm", { policy: WINDOW });
    await move(id, "pay", { now_ms: NOW + 90_000 });
    const after = await move(id, "expire", { now_ms: NOW + 90_001 });
    expect(after.status).toBe("paid");
  });

  it("none: a confirmed order never expires", async () => {
    const { id } = await orderIn("pending");
    await move(id, "confirm");
    expect((await move(id, "expire", { now_ms: NOW * 1_000 })).status).toBe("confirmed");
  });
});

describe("acknowledging", () => {
  it.each([
    ["cancel", "release"],
    ["pay", "commit"],
  ] as const)("what %s awaits settles the order, without a revision", async (name, awaits) => {
    const { id } = await orderIn("confirmed");
    const moved = await move(id, name);
    await acknowledge(env.DB, awaits, [id]).run();
    expect(await orderNow(id)).toEqual({ ...moved, awaits: null, dueAt_ms: null });
  });

  it.each([
    ["cancel", "commit"],
    ["pay", "release"],
  ] as const)("something else than %s awaits changes nothing", async (name, awaits) => {
    const { id } = await orderIn("confirmed");
    const moved = await move(id, name);
    await acknowledge(env.DB, awaits, [id]).run();
    expect(await orderNow(id)).toEqual(moved);
  });
});

describe("postponing", () => {
  it("never touches an order whose stock still owes something", async () => {
    const pending = await orderIn("pending");
    const confirmed = await orderIn("confirmed");
    const entries = [pending, confirmed].map(({ id }) => ({ id, due_ms: 5 }));
    await postpone(env.DB, entries).run();
    expect(await orderNow(pending.id)).toEqual(pending);
    expect((await orderNow(confirmed.id)).dueAt_ms).toBe(5);
  });
});
