import { afterEach, describe, expect, it, vi } from "vitest";
import { GroupCommit } from "../../src/orders/place/group-commit.ts";
import type { Placement } from "../../src/orders/place/placement.sql.ts";
import { allPlaced, candidate, placedAs, rig, sizes } from "./orders-desk-rig.ts";

describe("group commit", () => {
  it("takes the orders that come while a batch is under way into the next one", async () => {
    const { desk, batches, turn, commit } = rig();
    const first = desk.place(candidate());
    await turn();
    const others = Array.from({ length: 30 }, () => desk.place(candidate()));
    await turn();
    expect(sizes(batches)).toEqual([1]);
    await commit();
    expect(sizes(batches)).toEqual([1, 30]);
    await commit();
    expect((await Promise.all([first, ...others])).every(({ type }) => type === "placed")).toBe(
      true,
    );
  });

  it("answers nobody before their own batch is durable", async () => {
    const { desk, log, turn, commit } = rig();
    void desk.place(candidate()).then(() => log.push("answer 1"));
    await turn();
    void desk.place(candidate()).then(() => log.push("answer 2"));
    await turn();
    expect(log).toEqual(["watch", "commit"]);
    await commit();
    expect(log).toContain("answer 1");
    expect(log).not.toContain("answer 2");
    await commit();
    expect(log).toContain("answer 2");
  });

  it("does not begin its commit before somebody watches", async () => {
    const watched = Promise.withResolvers<void>();
    const batches: number[] = [];
    const desk = new GroupCommit({
      placeAll: async (batch) => {
        batches.push(batch.length);
        return allPlaced(batch);
      },
      watch: () => watched.promise,
      decide: async () => null,
      announce: async () => {},
    });
    const placing = desk.place(candidate());
    await new Promise((resolve) => setImmediate(resolve));
    expect(batches).toEqual([]);
    watched.resolve();
    expect((await placing).type).toBe("placed");
    expect(batches).toEqual([1]);
  });

  it("watches before it commits and announces after", async () => {
    const { desk, log, turn, commit } = rig();
    void desk.place(candidate());
    await turn();
    await commit();
    expect(log).toEqual(["watch", "commit", "durable", "announce"]);
  });

  it("answers each caller with their own outcome", async () => {
    const { desk, turn, commit } = rig((batch) =>
      batch.map((one) =>
        one.key === "used" ? { type: "key_reused" } : placedAs(one, one.key === "present"),
      ),
    );
    const mine = candidate();
    void desk.place(candidate());
    await turn();
    const used = desk.place(candidate({ key: "used" }));
    const placed = desk.place(mine);
    await commit();
    await commit();
    expect(await used).toEqual({ type: "key_reused" });
    expect(await placed).toMatchObject({ type: "placed", order: { id: mine.id } });
  });

  it("announces what was placed, and no replays or refusals", async () => {
    const { desk, announced, turn, commit } = rig((batch) =>
      batch.map((one) => {
        if (one.key === "replay") return { ...placedAs(one), type: "replayed" } as Placement;
        if (one.key === "refuse") return { type: "refused", refusal: { code: "mixed_currencies" } };
        return placedAs(one, one.key === "present");
      }),
    );
    void desk.place(candidate({ key: "replay" }));
    await turn();
    for (const key of ["refuse", "present", "new"]) void desk.place(candidate({ key }));
    await commit();
    expect(announced).toEqual([]);
    await commit();
    await vi.waitFor(() => expect(announced).toHaveLength(1));
    expect(announced[0]?.orders).toHaveLength(2);
    expect(announced[0]?.present).toHaveLength(1);
  });

  it("goes on after an idle time", async () => {
    const { desk, batches, turn, commit } = rig();
    for (let i = 0; i < 2; i++) {
      const placing = desk.place(candidate());
      await turn();
      await commit();
      expect((await placing).type).toBe("placed");
    }
    expect(sizes(batches)).toEqual([1, 1]);
  });
});

describe("orders that the lane leaves undecided", () => {
  afterEach(() => void vi.useRealTimers());

  it("are announced together, as those of the queue are", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const announced: number[] = [];
    let fail: (() => void)[] = [];
    const desk = new GroupCommit({
      placeAll: async (batch) => allPlaced(batch),
      watch: async () => {},
      // As the lane does with a stock Worker that is away: each group fails at once.
      decide: () => new Promise((resolve) => fail.push(() => resolve(null))),
      announce: async ({ orders }) => void announced.push(orders.length),
    });
    const answers = Array.from({ length: 600 }, () => desk.place(candidate(), 5_000));
    await vi.advanceTimersByTimeAsync(100);
    expect(fail).toHaveLength(600);
    expect(announced).toEqual([]);
    for (const one of fail) one();
    fail = [];
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await Promise.all(answers)).every(({ type }) => type === "placed")).toBe(true);
    expect(announced.reduce((sum, n) => sum + n, 0)).toBe(600);
    expect(announced.length).toBeLessThanOrEqual(6);
  });

  it("are announced soon when there is only one", async () => {
    const { desk, announced, turn, commit } = rig();
    void desk.place(candidate(), 5_000);
    await commit();
    await turn();
    await vi.waitFor(() => expect(announced).toHaveLength(1), { timeout: 500, interval: 5 });
  });
});

describe("keys at the desk", () => {
  it("invariant 8: two orders with one key never share a batch", async () => {
    const { desk, batches, turn, commit } = rig();
    void desk.place(candidate());
    await turn();
    for (let i = 0; i < 3; i++) void desk.place(candidate({ key: "k" }));
    void desk.place(candidate({ key: "other" }));
    for (let i = 0; i < 4; i++) await commit();
    expect(batches.map((batch) => batch.map(({ key }) => key))).toEqual([
      [null],
      ["k", "other"],
      ["k"],
      ["k"],
    ]);
  });

  it("the same key of two customers is two keys", async () => {
    const { desk, batches, turn, commit } = rig();
    void desk.place(candidate());
    await turn();
    void desk.place(candidate({ key: "k", customerId: "one" }));
    void desk.place(candidate({ key: "k", customerId: "two" }));
    await commit();
    expect(sizes(batches)).toEqual([1, 2]);
  });
});

describe("after a batch of several", () => {
  /** A desk that has just committed this many; each further order comes after so many ms. */
  async function after(size: number, arrivals_ms: readonly number[]) {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const committed: { size: number; at_ms: number }[] = [];
    const start_ms = Date.now();
    const desk = new GroupCommit({
      placeAll: async (batch) => {
        committed.push({ size: batch.length, at_ms: Date.now() - start_ms });
        return allPlaced(batch);
      },
      watch: async () => {},
      decide: async () => null,
      announce: async () => {},
    });
    for (let i = 0; i < size; i++) void desk.place(candidate());
    for (const at_ms of arrivals_ms) setTimeout(() => void desk.place(candidate()), at_ms);
    await vi.advanceTimersByTimeAsync(1_000);
    vi.useRealTimers();
    return committed.slice(1);
  }
  const each = (count: number, gap_ms: number) =>
    Array.from({ length: count }, (_, i) => (i + 1) * gap_ms);

  it("the next one takes what arrives within the batch window of 4 ms", async () => {
    expect(await after(6, each(6, 1))).toEqual([
      { size: 5, at_ms: 5 },
      { size: 1, at_ms: 10 },
    ]);
  });

  it("the window closes at its first check when as many orders wait as the last batch had", async () => {
    expect(await after(2, each(6, 1))).toEqual([
      { size: 3, at_ms: 3 },
      { size: 3, at_ms: 6 },
    ]);
  });

  it("a lone order waits for the window once, and the next one not at all", async () => {
    expect(await after(6, [51, 100])).toEqual([
      { size: 1, at_ms: 55 },
      { size: 1, at_ms: 100 },
    ]);
  });

  it("nobody waits when it was of one", async () => {
    expect(await after(1, [1, 2, 3])).toEqual([
      { size: 1, at_ms: 1 },
      { size: 1, at_ms: 2 },
      { size: 1, at_ms: 3 },
    ]);
  });
});
