import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { FrozenError } from "../database/fenced.ts";
import { Problem } from "./problem.ts";

const STOCK_TIMEOUT_MS = 10_000;

export const stockUnavailable = new Problem("unavailable", {
  detail: "The stock Worker does not answer.",
});

/** Calls the stock Worker by RPC. Throws `unavailable` when it is missing, slow or throws. */
export async function callStock<T>(
  call: () => Promise<T>,
  limit_ms = STOCK_TIMEOUT_MS,
): Promise<T> {
  try {
    return await withTimeout(limit_ms, call);
  } catch (error) {
    if (error instanceof FrozenError) throw error;
    log("warn", "stock.call_failed", { error: errorText(error) });
    throw stockUnavailable;
  }
}
