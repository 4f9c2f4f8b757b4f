import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { Problem } from "./problem.ts";

const STOCK_TIMEOUT_MS = 10_000;

export const stockUnavailable = new Problem("unavailable", {
  detail: "The stock Worker does not answer.",
});

/** Asks the stock Worker; 503 when it is absent, slow or throws. */
export async function askStock<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await withTimeout(STOCK_TIMEOUT_MS, call);
  } catch (error) {
    log("warn", "stock.unreachable", { error: errorText(error) });
    throw stockUnavailable;
  }
}
