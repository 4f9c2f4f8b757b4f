import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { readService } from "../../src/orders/database/service.sql.ts";
import { Heartbeat } from "../../src/orders/reconcile/heartbeat.ts";
import { observed } from "../support/d1.ts";
import { putBack, snapshot, useDisasters } from "./support/restore.ts";

const ACTOR = { kind: "service", sub: "o1" } as const;
const NOW = 1_800_000_000_000;
/** Longer than between two beats. */
const LATER = NOW + 10_000;

/** What a Durable Object keeps single values in. */
function values() {
  const map = new Map<string, unknown>();
  return {
    get: <T>(key: string) => map.get(key) as T | undefined,
    put: <T>(key: string, value: T) => void map.set(key, value),
    delete: (key: string) => map.delete(key),
  };
}

/** A database that is put back to its first beat once, just before a statement that contains `text`. */
async function putBackBefore(heartbeat: Heartbeat, text: string): Promise<D1Database> {
  await heartbeat.check(env.DB, NOW);
  const first = await snapshot();
  await heartbeat.check(env.DB, LATER);
  let isDone = false;
  return observed(env.DB, {
    async before(sql) {
      if (isDone || !sql.some((one) => one.includes(text))) return;
      isDone = true;
      await putBack(first);
    },
  }).db;
}

/** A pause of a call of D1 until `go`. */
function held(text: string) {
  let go = () => {};
  let reach = () => {};
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const gate = new Promise<void>((resolve) => (go = resolve));
  const { db } = observed(env.DB, {
    async before(sql) {
      if (!sql.some((one) => one.includes(text))) return;
      reach();
      await gate;
    },
  });
  return { db, reached, go };
}

useDisasters();

describe("a database that is put back while its frozen state is written", () => {
  test("by a freeze, is noticed by the next check", async () => {
    const heartbeat = new Heartbeat(values());
    const db = await putBackBefore(heartbeat, "frozen = excluded.frozen");
    expect(await heartbeat.freeze(db, ACTOR, LATER)).toMatchObject({ reason: "operator" });
    await heartbeat.check(env.DB, LATER);
    expect(heartbeat.frozen).toMatchObject({ reason: "database_put_back" });
  });

  test("by a thaw, is noticed by the next check", async () => {
    const heartbeat = new Heartbeat(values());
    const db = await putBackBefore(heartbeat, "frozen = excluded.frozen");
    await heartbeat.freeze(env.DB, ACTOR, LATER);
    expect(await heartbeat.thaw(db, { actor: ACTOR, isForced: false }, LATER)).toBeNull();
    expect(await heartbeat.check(env.DB, LATER)).toBeNull();
    expect(heartbeat.frozen).toMatchObject({ reason: "database_put_back" });
    expect(await readService(env.DB)).toMatchObject({ isFrozen: true });
  });

  test("by a check that copies it, is noticed by the next check", async () => {
    const heartbeat = new Heartbeat(values());
    const db = await putBackBefore(heartbeat, "frozen = excluded.frozen");
    await env.DB.prepare("UPDATE service SET frozen = 1").run();
    await heartbeat.check(db, LATER);
    await heartbeat.check(env.DB, LATER);
    expect(heartbeat.frozen).toMatchObject({ reason: "database_put_back" });
  });
});

describe("what is asked at the same time", () => {
  test("a database found put back during a thaw stays frozen", async () => {
    const heartbeat = new Heartbeat(values());
    await heartbeat.check(env.DB, NOW);
    const first = await snapshot();
    await heartbeat.check(env.DB, LATER);
    await heartbeat.freeze(env.DB, ACTOR, LATER);
    const { db, reached, go } = held("frozen = excluded.frozen");
    const thawing = heartbeat.thaw(db, { actor: ACTOR, isForced: false }, LATER);
    await reached;
    await putBack(first);
    const checking = heartbeat.check(env.DB, LATER);
    await new Promise((resolve) => setTimeout(resolve, 100));
    go();
    expect([await thawing, await checking]).toEqual([null, null]);
    expect(heartbeat.frozen).toMatchObject({ reason: "database_put_back" });
    expect(await readService(env.DB)).toMatchObject({ isFrozen: true });
  });

  test("a check does not undo in D1 what a freeze has just written", async () => {
    const heartbeat = new Heartbeat(values());
    await heartbeat.check(env.DB, NOW);
    await env.DB.prepare("UPDATE service SET frozen = 1").run();
    const { db, reached, go } = held("frozen = excluded.frozen");
    const checking = heartbeat.check(db, NOW);
    await reached;
    const freezing = heartbeat.freeze(env.DB, ACTOR, NOW);
    await new Promise((resolve) => setTimeout(resolve, 100));
    go();
    await Promise.all([checking, freezing]);
    expect(await readService(env.DB)).toMatchObject({ isFrozen: true });
  });

  test("a check that failed does not stand in the way of the next one", async () => {
    const heartbeat = new Heartbeat(values());
    const { db } = observed(env.DB, {
      before() {
        throw new Error("D1 is away");
      },
    });
    await expect(heartbeat.check(db, NOW)).rejects.toThrow("D1 is away");
    expect(await heartbeat.check(env.DB, NOW)).toBe(1);
  });
});

test("a thaw by a clock that ran ahead holds back no deadline later", async () => {
  const heartbeat = new Heartbeat(values());
  const ahead = LATER + 40 * 86_400_000;
  await heartbeat.freeze(env.DB, ACTOR, ahead - 60_000);
  await heartbeat.thaw(env.DB, { actor: ACTOR, isForced: false }, ahead);
  expect(heartbeat.deadlinesFrom_ms(ahead)).toBe(ahead + 60_000);
  expect(heartbeat.deadlinesFrom_ms(LATER)).toBe(0);
});
