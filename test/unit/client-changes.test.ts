import { expect, test, vi } from "vitest";
import { type Change, createClient, LockstockProblem } from "../../packages/client/src/index.ts";
import { problem, serve } from "./client-server.ts";

const change = (n: number) => ({
  cursor: `c-${n}`,
  type: "order.paid",
  at: "2026-11-26T10:00:00.000Z",
  orderId: `o-${n}`,
  revision: n,
  order: null,
});

/** Reads so many changes. */
async function take(reader: AsyncIterable<Change>, count: number): Promise<string[]> {
  const cursors: string[] = [];
  for await (const { cursor } of reader) {
    cursors.push(cursor);
    if (cursors.length === count) break;
  }
  return cursors;
}

test("it reads page after page, by nextCursor also when there is nothing, through faults", async () => {
  const { url, heard } = await serve((n) => {
    if (n === 1) return { body: { changes: [change(1), change(2)], nextCursor: "c-2" } };
    if (n === 2) return "cut";
    if (n === 3) return problem(503, "unavailable");
    if (n === 4) return { body: { changes: [], nextCursor: "beyond" } };
    return { body: { changes: [change(3)], nextCursor: "c-3" } };
  });
  const shop = createClient({ url, token: "service" });
  expect(await take(shop.changes({ limit: 2 }), 3)).toEqual(["c-1", "c-2", "c-3"]);
  expect(heard.map(({ path }) => path)).toEqual([
    "/v1/changes?limit=2",
    "/v1/changes?after=c-2&limit=2",
    "/v1/changes?after=c-2&limit=2",
    "/v1/changes?after=c-2&limit=2",
    "/v1/changes?after=beyond&limit=2",
  ]);
  expect(new Set(heard.map(({ headers }) => headers.prefer))).toEqual(new Set(["wait=10"]));
});

test("it starts where it is told to, and asks for nothing more once its loop is left", async () => {
  const { url, heard } = await serve(() => ({
    body: { changes: [change(8), change(9)], nextCursor: "c-9" },
  }));
  expect(await take(createClient({ url }).changes({ after: "c-7" }), 1)).toEqual(["c-8"]);
  expect(heard.map(({ path }) => path)).toEqual(["/v1/changes?after=c-7"]);
});

test("a server that does not hold empty answers is not asked in a loop", async () => {
  const { url, heard } = await serve(() => ({ body: { changes: [], nextCursor: "c-0" } }));
  const reader = createClient({ url }).changes({ signal: AbortSignal.timeout(1_500) });
  await expect(take(reader, 1)).rejects.toThrow("timeout");
  expect(heard).toHaveLength(1);
});

test("a signal ends a reading that waits for the server", async () => {
  const { url, heard, gone } = await serve(() => "hang");
  const stop = new AbortController();
  const reading = take(createClient({ url }).changes({ signal: stop.signal }), 1);
  await vi.waitFor(() => expect(heard).toHaveLength(1));
  stop.abort();
  await expect(reading).rejects.toBe(stop.signal.reason);
  await vi.waitFor(() => expect(gone()).toBe(1));
});

test("a cursor that is too old, and a token without the scope, end it with their problem", async () => {
  const { url, heard } = await serve((n) =>
    n === 1 ? problem(410, "changes_reset") : problem(403, "forbidden"),
  );
  const shop = createClient({ url });
  for (const code of ["changes_reset", "forbidden"]) {
    const error = await take(shop.changes({ after: "old" }), 1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LockstockProblem);
    expect(error).toMatchObject({ code });
  }
  expect(heard).toHaveLength(2);
});
