export const SECOND_MS = 1_000;
export const START_MS = Date.parse("2026-03-01T12:00:00.000Z");
export const SECRET = "a secret of the compatibility tests, long enough";

/** Pinned: another default is no other format. */
export const VARS = {
  AUTH_SECRET: SECRET,
  SOLD_OUT_GATE: "on",
  PAYMENT_WINDOW_SECONDS: "900",
  LOCK_DEADLINE_SECONDS: "900",
  DESKS: "1",
};
