import { isRecord } from "./record.ts";

/** What the page /challenge tells the page that shows it in a frame. */
export type ChallengeMessage =
  /** The widget is shown, this high. */
  | { challenge: "shown"; height_px: number }
  /** For `POST /v1/guests`, once and within five minutes. */
  | { challenge: "passed"; token: string }
  /** `why` is a code of Turnstile, or one of this page. */
  | { challenge: "failed"; why: string };

export const isChallengeMessage = (value: unknown): value is ChallengeMessage =>
  isRecord(value) &&
  ((value["challenge"] === "shown" && typeof value["height_px"] === "number") ||
    (value["challenge"] === "passed" && typeof value["token"] === "string") ||
    (value["challenge"] === "failed" && typeof value["why"] === "string"));
