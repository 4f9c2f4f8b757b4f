import { expect, test } from "vitest";
import { PushedRevisions } from "../../src/orders/feed/pushed-revisions.ts";

const order = (id: string, revision: number) => ({ id, revision });

test("only what is newer than what was pushed is missing", () => {
  const pushed = new PushedRevisions();
  pushed.add([order("a", 2), order("b", 1)]);
  pushed.add([order("a", 1)]);
  const reread = [order("a", 2), order("b", 2), order("c", 1)];
  expect(pushed.missing(reread)).toEqual([order("b", 2), order("c", 1)]);
});

test("500 orders are remembered, the last ones pushed", () => {
  const pushed = new PushedRevisions();
  const all = Array.from({ length: 501 }, (_, i) => order(String(i), 1));
  pushed.add(all.slice(0, 500));
  pushed.add([order("0", 1)]);
  pushed.add(all.slice(500));
  expect(pushed.missing(all)).toEqual([order("1", 1)]);
});
