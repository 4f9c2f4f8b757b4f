import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SharedRead, type SharedKey } from "../../src/runtime/shared-read.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

const OPTIONS = {
  what: "the source",
  limits: { page: 2, sku: 3 },
  interval_ms: 1_000,
  fresh_ms: 1_000,
  joinsRunning: true,
  warm_ms: 5_000,
  timeout_ms: 10_000,
};

/** Reads that say when they began and what they read; each value is the number of its read. */
function rig(options: Partial<typeof OPTIONS> = {}) {
  const rounds: { at_ms: number; keys: SharedKey[] }[] = [];
  let answer: () => Promise<unknown> = async () => undefined;
  const shared = new SharedRead<null, number>({ ...OPTIONS, ...options }, async (_, keys) => {
    rounds.push({ at_ms: Date.now() - 1_000_000, keys: [...keys] });
    const own = rounds.length;
    await answer();
    return new Map(keys.filter((key) => !key.endsWith("none")).map((key) => [key, own]));
  });
  const work: Promise<unknown>[] = [];
  const leader = { source: null, background: (one: Promise<unknown>) => void work.push(one) };
  return {
    shared,
    rounds,
    work,
    get: (key: SharedKey) => shared.get(key, leader, Date.now()),
    answerWith: (next: typeof answer) => void (answer = next),
  };
}

describe("a shared read", () => {
  test("serves all who come in a second by one round, at once if the last was a second ago", async () => {
    const { get, rounds } = rig();
    expect(await Promise.all([get("sku:A"), get("sku:A"), get("sku:none")])).toEqual([
      1,
      1,
      undefined,
    ]);
    await vi.advanceTimersByTimeAsync(999);
    expect(await get("sku:A")).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await get("sku:A")).toBe(2);
    expect(rounds.map(({ at_ms }) => at_ms)).toEqual([0, 1_000]);
  });

  test("5,000 readers of everything cause a round a second", async () => {
    const { get, rounds } = rig();
    const keys = ["page:1", "page:2", "sku:A", "sku:B", "sku:C"] as const;
    for (let tick = 0; tick < 600; tick++) {
      for (let i = 0; i < 50; i++) void get(keys[(tick + i) % keys.length] ?? "page:1");
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(rounds.length).toBeGreaterThan(55);
    expect(rounds.length).toBeLessThanOrEqual(61);
  });

  test("waits no longer than an interval when a clock that ran ahead has come back", async () => {
    const { get, rounds } = rig();
    vi.setSystemTime(1_000_000 + 3_600_000);
    await get("sku:A");
    vi.setSystemTime(1_000_000);
    const later = get("sku:A");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await later).toBe(2);
    expect(rounds[1]?.at_ms).toBe(1_000);
  });

  test("a round that was lost while the clock ran ahead is not waited for when it is back", async () => {
    const { get, rounds, answerWith } = rig();
    answerWith(() => new Promise(() => undefined));
    vi.setSystemTime(1_000_000 + 3_600_000);
    void get("sku:A")?.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(0);
    vi.setSystemTime(1_000_000);
    answerWith(async () => undefined);
    const later = get("sku:A");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await later).toBe(2);
    expect(rounds).toHaveLength(2);
  });

  test("what is asked for within the second waits for its turn, together", async () => {
    const { get, rounds } = rig();
    await get("sku:A");
    await vi.advanceTimersByTimeAsync(300);
    const later = Promise.all([get("sku:B"), get("page:1")]);
    await vi.advanceTimersByTimeAsync(699);
    expect(rounds).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await later).toEqual([2, 2]);
    expect(rounds[1]).toEqual({ at_ms: 1_000, keys: ["page:1", "sku:B", "sku:A"] });
  });

  test("reads again for some seconds what was asked for, and then no more", async () => {
    const { get, rounds } = rig();
    await get("sku:A");
    await vi.advanceTimersByTimeAsync(4_999);
    await get("sku:B");
    await vi.advanceTimersByTimeAsync(1_000);
    await get("sku:C");
    expect(rounds.map(({ keys }) => keys)).toEqual([
      ["sku:A"],
      ["sku:B", "sku:A"],
      ["sku:C", "sku:B"],
    ]);
  });

  test("has room for so many keys of each kind; one asked for displaces one that is only warm", async () => {
    const { get, rounds } = rig();
    await Promise.all([get("sku:A"), get("sku:B"), get("sku:C"), get("page:1")]);
    await get("sku:A");
    expect(get("sku:D")).not.toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    // A was asked for once more after B and C, so B gives way.
    expect(rounds[1]?.keys).toEqual(["page:1", "sku:D", "sku:C", "sku:A"]);
    await vi.advanceTimersByTimeAsync(1_000);
    void Promise.all([get("sku:E"), get("sku:F"), get("sku:G")]);
    expect(get("sku:H")).toBeNull();
    expect(get("sku:G")).not.toBeNull();
    expect(get("page:2")).not.toBeNull();
    await vi.advanceTimersByTimeAsync(0);
    expect(rounds[2]?.keys).toEqual(["page:2", "page:1", "sku:E", "sku:F", "sku:G"]);
  });

  test("tells whether a key adds to the work", async () => {
    const { get, shared } = rig();
    const isCovered = (key: SharedKey) => shared.isCovered(key, Date.now());
    expect(isCovered("sku:A")).toBe(false);
    const first = get("sku:A");
    expect(isCovered("sku:A")).toBe(true);
    await first;
    expect(isCovered("sku:A")).toBe(true);
    expect(isCovered("sku:B")).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(isCovered("sku:A")).toBe(false);
    void get("sku:B");
    // Warm: the round reads it anyhow.
    expect(isCovered("sku:A")).toBe(true);
  });

  test("reads at once after what it knows was changed", async () => {
    const { get, shared } = rig();
    await get("sku:A");
    shared.forget();
    expect(await get("sku:A")).toBe(2);
  });

  test("after a failure all who waited hear of it, and the next round is another", async () => {
    const { get, answerWith } = rig();
    answerWith(async () => {
      throw new Error("away");
    });
    const both = Promise.allSettled([get("sku:A"), get("sku:A")]);
    expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    answerWith(async () => undefined);
    const next = get("sku:A");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await next).toBe(2);
  });

  test("asks a slow source for one thing at a time", async () => {
    const { get, rounds, answerWith } = rig();
    answerWith(() => new Promise((resolve) => setTimeout(resolve, 3_500)));
    const first = get("sku:A");
    await vi.advanceTimersByTimeAsync(1_500);
    const joined = get("sku:A");
    const second = get("sku:B");
    await vi.advanceTimersByTimeAsync(1_999);
    expect(rounds).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await Promise.all([first, joined])).toEqual([1, 1]);
    expect(rounds).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(3_500);
    expect(await second).toBe(2);
  });

  test("hands out nothing that was read before it was asked for, if it must not", async () => {
    const { get, rounds, answerWith } = rig({ interval_ms: 0, fresh_ms: 0, joinsRunning: false });
    answerWith(() => new Promise((resolve) => setTimeout(resolve, 10)));
    const first = get("sku:A");
    await vi.advanceTimersByTimeAsync(5);
    const later = Promise.all([get("sku:A"), get("sku:A"), get("sku:B")]);
    await vi.advanceTimersByTimeAsync(4);
    expect(rounds).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await first).toBe(1);
    await vi.advanceTimersByTimeAsync(10);
    expect(await later).toEqual([2, 2, 2]);
    // Nobody waits: the next is read at once.
    const alone = get("sku:A");
    await vi.advanceTimersByTimeAsync(10);
    expect(await alone).toBe(3);
  });

  test("a round whose leader was ended holds up nobody for longer than its time", async () => {
    const { get, rounds, answerWith } = rig();
    answerWith(() => new Promise(() => undefined));
    const lost = Promise.allSettled([get("sku:A"), get("sku:A")]);
    await vi.advanceTimersByTimeAsync(9_999);
    answerWith(async () => undefined);
    await vi.advanceTimersByTimeAsync(1);
    expect((await lost).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await get("sku:A")).toBe(2);
    expect(rounds).toHaveLength(2);
  });

  test("a round outlives its leader's client: it is left with the platform", async () => {
    const { get, work } = rig();
    void get("sku:A");
    expect(work).toHaveLength(1);
    await expect(Promise.all(work)).resolves.toHaveLength(1);
  });
});
