import { describe, expect, test } from "vitest";
import {
  MAX_SOCKET_BYTES,
  MAX_UNREAD_BYTES,
  NO_TRAFFIC,
  type Traffic,
  withMessage,
} from "../../src/orders/feed/traffic.ts";

const sent = (traffic: Traffic, bytes: number, sign_ms = 0): Traffic => {
  const next = withMessage(traffic, bytes, sign_ms);
  if (typeof next === "string") throw new Error(next);
  return next;
};

describe("what was sent to a socket", () => {
  test("may be 256 KB since the client's last sign, and not a byte more", () => {
    const full = sent(sent(NO_TRAFFIC, 1_000), MAX_UNREAD_BYTES - 1_000);
    expect(full).toEqual({
      sign_ms: 0,
      unread_bytes: MAX_UNREAD_BYTES,
      total_bytes: MAX_UNREAD_BYTES,
    });
    expect(withMessage(full, 1, 0)).toBe("unread");
    expect(withMessage(NO_TRAFFIC, MAX_UNREAD_BYTES + 1, 0)).toBe("unread");
  });

  test("is counted anew from a later sign, once for each sign", () => {
    const before = sent(NO_TRAFFIC, 200_000, 5);
    const after = sent(before, 200_000, 6);
    expect(after).toEqual({ sign_ms: 6, unread_bytes: 200_000, total_bytes: 400_000 });
    expect(withMessage(after, 100_000, 6)).toBe("unread");
    expect(withMessage(after, 100_000, 5)).toBe("unread");
  });

  test("is 1 MB at most, whatever signs there are", () => {
    let traffic = NO_TRAFFIC;
    for (let i = 1; i <= 8; i++) traffic = sent(traffic, MAX_SOCKET_BYTES / 8, i);
    expect(traffic.total_bytes).toBe(MAX_SOCKET_BYTES);
    expect(withMessage(traffic, 1, 9)).toBe("total");
  });
});
