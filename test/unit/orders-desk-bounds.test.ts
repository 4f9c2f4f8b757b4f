import { describe, expect, it, vi } from "vitest";
import type { Announcement } from "../../src/orders/order/announce.ts";
import { GroupCommit } from "../../src/orders/place/group-commit.ts";
import type { Candidate } from "../../src/orders/place/placement.sql.ts";
import { allPlaced, candidate, rig, sizes } from "./orders-desk-rig.ts";

describe("the desk's bounds", () => {
  it("puts at most 200 orders into a batch", async () => {
    const { desk, batches, turn, commit } = rig();
    void desk.place(candidate());
    await turn();
    for (let i = 0; i < 480; i++) void desk.place(candidate());
    for (let i = 0; i < 3; i++) await commit();
    await vi.waitFor(() => expect(sizes(batches)).toEqual([1, 200, 200, 80]));
  });

  it("puts at most 500 kB into a batch", async () => {
    const { desk, batches, turn, commit } = rig();
    void desk.place(candidate());
    await turn();
    for (let i = 0; i < 6; i++) void desk.place(candidate({ customerId: "c".repeat(200_000) }));
    for (let i = 0; i < 3; i++) await commit();
    await vi.waitFor(() => expect(sizes(batches)).toEqual([1, 2, 2, 2]));
  });

  it("an order larger than a batch still goes, alone", async () => {
    const { desk, batches, turn, commit } = rig();
    void desk.place(candidate());
    await turn();
    const large = desk.place(candidate({ customerId: "c".repeat(600_000) }));
    void desk.place(candidate());
    for (let i = 0; i < 3; i++) await commit();
    expect((await large).type).toBe("placed");
    expect(sizes(batches)).toEqual([1, 1, 1]);
  });

  it("is busy when 2,000 wait, and takes orders again once some have gone", async () => {
    const { desk, turn, commit } = rig();
    void desk.place(candidate());
    await turn();
    for (let i = 0; i < 2_000; i++) void desk.place(candidate());
    expect(await desk.place(candidate())).toEqual({ type: "busy" });
    await commit();
    const later = desk.place(candidate());
    for (let i = 0; i < 12; i++) await commit();
    expect((await later).type).toBe("placed");
  });

  it("is busy when 8 MB wait, however few the orders", async () => {
    const { desk, turn, commit } = rig();
    void desk.place(candidate());
    await turn();
    const large = () => desk.place(candidate({ customerId: "c".repeat(999_000) }));
    for (let i = 0; i < 8; i++) void large();
    expect(await large()).toEqual({ type: "busy" });
    await commit();
    const later = large();
    for (let i = 0; i < 9; i++) await commit();
    expect((await later).type).toBe("placed");
  });
});

describe("a batch that fails", () => {
  const failing = (isBad: (batch: readonly Candidate[], call: number) => boolean) => {
    const calls: number[] = [];
    const announced: Announcement[] = [];
    const desk = new GroupCommit({
      async placeAll(batch) {
        calls.push(batch.length);
        // A round trip takes a while: what is placed at once waits together.
        await new Promise((resolve) => setImmediate(resolve));
        if (isBad(batch, calls.length)) throw new Error("D1_ERROR");
        return allPlaced(batch);
      },
      async watch() {},
      async decide() {
        return null;
      },
      async announce(placed) {
        announced.push(placed);
      },
    });
    return { desk, calls, announced };
  };

  it("is tried once more as it is, because its reply may have been lost", async () => {
    const { desk, calls } = failing((batch, call) => batch.length === 9 && call === 1);
    const all = Array.from({ length: 9 }, () => desk.place(candidate()));
    expect((await Promise.all(all)).every(({ type }) => type === "placed")).toBe(true);
    expect(calls).toEqual([9, 9]);
  });

  it("is bisected then, and only the bad order is failed", async () => {
    const { desk, announced } = failing((batch) => batch.some(({ key }) => key === "bad"));
    const first = desk.place(candidate());
    const others = Array.from({ length: 40 }, (_, i) =>
      desk.place(candidate({ key: i === 13 ? "bad" : null })),
    );
    const types = (await Promise.all([first, ...others])).map(({ type }) => type);
    expect(types.map((type, i) => (type === "placed" ? -1 : i)).filter((i) => i >= 0)).toEqual([
      14,
    ]);
    expect(types[14]).toBe("failed");
    await vi.waitFor(() => {
      expect(announced.flatMap(({ orders }) => orders)).toHaveLength(40);
    });
  });

  it("does not stop the desk: when D1 is away all fail, and the next batch is tried afresh", async () => {
    let isAway = true;
    const { desk } = failing(() => isAway);
    const lost = await Promise.all(Array.from({ length: 5 }, () => desk.place(candidate())));
    expect(lost.map(({ type }) => type)).toEqual(Array.from({ length: 5 }, () => "failed"));
    isAway = false;
    expect((await desk.place(candidate())).type).toBe("placed");
  });
});
