import { beforeAll, describe, expect, test } from "vitest";
import type { Call, Replaced, Target } from "./support/calls.ts";
import { lost } from "./support/covers.ts";
import { unintended } from "./support/intended.ts";
import { day } from "./support/scenario.ts";
import { golden, versions } from "./support/versions.ts";
import { World } from "./support/world.ts";

/**
 * Old and new code run side by side while a version is rolled out: Workers first, objects up to
 * minutes later, and the other way round when it is rolled back.
 */

/** Between one deployable piece of code and another. */
const CROSSING = ["STOCK", "ITEM", "DESK", "RECONCILER", "FEED"] as const;

const nameOf = ({ target, name, method, at_ms }: Omit<Call, "arguments" | "answer">): string =>
  `${target} ${name} ${method} at ${at_ms}`;

const methodsOf = (calls: readonly Call[]) =>
  [...new Set(calls.map(({ target, method }) => `${target}.${method}`))].filter(
    (name) => !name.startsWith("HTTP"),
  );

/** The calls of a version in the order they were made, each to be had once. */
function script(calls: readonly Call[]) {
  const left = Map.groupBy(calls, nameOf);
  const queues = new Map([...left].map(([name, all]) => [name, [...all]]));
  return (call: Omit<Call, "answer">): Call | undefined => queues.get(nameOf(call))?.shift();
}

/** Runs the day with these calls made, or answered, by another version. */
async function dayWith(intercept: (call: Omit<Call, "answer">) => Replaced): Promise<Call[]> {
  const world = await World.open();
  world.intercept = intercept;
  await day(world);
  return world.calls;
}

/** What clients were answered. */
function answersOf(calls: readonly Call[]) {
  const all = calls.filter(({ target }) => target === "HTTP");
  return Object.fromEntries(all.map((call) => [nameOf(call), call.answer]));
}

let today: Call[];
beforeAll(async () => {
  today = await dayWith(() => ({}));
});

describe.each(versions())("version %s", (version) => {
  const { calls } = golden(version);
  /** In what clients are answered. */
  const changed = (made: readonly Call[]) =>
    unintended(version, lost(answersOf(calls), answersOf(made)));

  test("every call that it made is still answered, with all that it read", async () => {
    const next = script(calls);
    const made = await dayWith((call) => {
      const old = CROSSING.some((target) => target === call.target) ? next(call) : undefined;
      return old && call.method !== "fetch" ? { arguments: old.arguments } : {};
    });
    expect(changed(made)).toEqual([]);
    const answered = script(made);
    const missed = calls.flatMap((old) => lost(old.answer, answered(old)?.answer, nameOf(old)));
    expect(unintended(version, missed)).toEqual([]);
  });

  test("its messages are consumed with the outcomes that they had", async () => {
    const next = script(calls);
    const made = await dayWith((call) => {
      const old = call.target === "QUEUE" ? next(call) : undefined;
      return old ? { arguments: old.arguments } : {};
    });
    expect(changed(made)).toEqual([]);
  });

  test.each([
    ["its stock Worker", ["STOCK"]],
    ["its stock items", ["ITEM"]],
  ] as [string, Target[]][])("%s can answer in the place of ours", async (_, targets) => {
    const next = script(calls);
    const made = await dayWith((call) => {
      const old = targets.includes(call.target) ? next(call) : undefined;
      if (old) return { answer: old.answer };
      // With the whole Worker replaced its messages are consumed and sent by it as well.
      if (!targets.includes("STOCK") || call.target !== "QUEUE") return {};
      const delivery = next(call);
      return call.name === "order-events"
        ? { answer: [] }
        : { arguments: delivery?.arguments ?? [] };
    });
    expect(changed(made)).toEqual([]);
  });

  test("it is called with all that it reads, and by no name that it does not know", () => {
    const now = script(today);
    const crossing = calls.filter(({ target }) => CROSSING.some((one) => one === target));
    // A method ignores further arguments.
    const missed = crossing.flatMap((old) =>
      lost(old.arguments, now(old)?.arguments.slice(0, old.arguments.length), nameOf(old)),
    );
    expect(unintended(version, missed)).toEqual([]);
    const known = new Set(methodsOf(calls));
    const unknown = methodsOf(today).filter((name) => !known.has(name));
    expect(unintended(version, unknown)).toEqual([]);
  });
});

test("the day makes every call that a Worker or an object takes", () => {
  expect(methodsOf(today).toSorted()).toEqual([
    "DESK.place",
    "FEED.fetch",
    "FEED.push",
    "INDEX.add",
    "ITEM.adjust",
    "ITEM.apply",
    "ITEM.ledger",
    "ITEM.level",
    "ITEM.liveLocks",
    "ITEM.lockStates",
    "QUEUE.deliver",
    "RECONCILER.poke",
    "RECONCILER.watch",
    "STOCK.adjust",
    "STOCK.execute",
    "STOCK.ledger",
    "STOCK.levels",
    "STOCK.liveLocks",
    "STOCK.lockStates",
  ]);
});
