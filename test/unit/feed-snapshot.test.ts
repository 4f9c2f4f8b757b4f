import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytesOf, MAX_SNAPSHOT_BYTES, snapshotMessage } from "../../src/orders/feed/snapshot.ts";
import type { OrderView } from "../../src/orders/order/order.ts";

interface Sent {
  type: string;
  orders: OrderView[];
  truncated: boolean;
}
const order = (id: number, status: string, size: number): OrderView =>
  ({ id: String(id), status, metadata: { text: "é".repeat(size) } }) as unknown as OrderView;

describe("a snapshot's message", () => {
  test("is the JSON that its reader expects", () => {
    const orders = [order(2, "paid", 3), order(1, "pending", 0)];
    const { text, shown } = snapshotMessage(orders, false);
    expect(text).toBe(JSON.stringify({ type: "snapshot", orders, truncated: false }));
    expect(shown).toEqual(orders);
    expect(snapshotMessage([], true).text).toBe('{"type":"snapshot","orders":[],"truncated":true}');
  });

  test("never exceeds its bytes, keeps the sequence, and says when an order is left out", () => {
    const one = fc.tuple(fc.constantFrom("pending", "confirmed", "paid"), fc.nat(40_000));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), fc.boolean(), (sizes, isTruncated) => {
        const orders = sizes.map(([status, size], i) => order(100 - i, status, size));
        const { text, shown } = snapshotMessage(orders, isTruncated);
        const sent = JSON.parse(text) as Sent;
        expect(bytesOf(text)).toBeLessThanOrEqual(MAX_SNAPSHOT_BYTES);
        expect(sent.orders).toEqual(shown);
        expect(shown).toEqual(orders.filter((each) => shown.includes(each)));
        expect(sent.truncated).toBe(isTruncated || shown.length < orders.length);
        // A finished order is there only if all unfinished ones are.
        const isFinished = ({ status }: OrderView) => status === "paid";
        const unfinished = orders.filter((each) => !isFinished(each));
        const isMissing = unfinished.some((each) => !shown.includes(each));
        expect(isMissing && shown.some(isFinished)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  test("that is exactly as large as allowed is whole", () => {
    const rest = MAX_SNAPSHOT_BYTES - bytesOf(snapshotMessage([order(1, "paid", 0)], false).text);
    const size = Math.floor((rest - 1) / 2); // two bytes a character; a byte for a comma
    expect(JSON.parse(snapshotMessage([order(1, "paid", size)], false).text)).toMatchObject({
      truncated: false,
    });
    expect(JSON.parse(snapshotMessage([order(1, "paid", size + 2)], false).text)).toMatchObject({
      orders: [],
      truncated: true,
    });
  });
});
