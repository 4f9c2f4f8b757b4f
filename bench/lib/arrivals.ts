import process from "node:process";
import { Pool } from "undici";
import type { Random } from "../../scripts/lib/random.ts";
import { anchor, wallNow_ms } from "./clock.ts";
import { emptyResult, type LoadResult, MAX_CONCURRENCY, type Prepared, send } from "./load.ts";

/**
 * The load of shoppers: each arrives when it arrives, whether or not others have been answered (an
 * open loop). Latency counts from the intended arrival, so that a stall is felt by all who arrive
 * during it (no "coordinated omission").
 */

/** Times of `count` arrivals of a Poisson process with this rate, in ms from the first moment. */
export function poissonArrivals(rate_per_s: number, count: number, random: Random): Float64Array {
  const at_ms = new Float64Array(count);
  let time_ms = 0;
  for (let i = 0; i < count; i++) {
    time_ms -= (Math.log(1 - random.next()) * 1_000) / rate_per_s;
    at_ms[i] = time_ms;
  }
  return at_ms;
}

/** Sends request i at `at_ms[i]`. `sentAt_ms` and `latency_ms` of the result count from then. */
export async function arrive(
  base: string,
  requests: readonly Prepared[],
  at_ms: Float64Array,
): Promise<LoadResult> {
  const result = emptyResult(requests.length);
  // Past this many under way an arrival waits for a connection, and the wait counts.
  const pool = new Pool(base, { connections: MAX_CONCURRENCY, pipelining: 1 });
  anchor();
  const start_ms = performance.now();
  const startWall_ms = wallNow_ms();
  const startCpu = process.cpuUsage();
  const answers: Promise<void>[] = [];
  const arrival = async (i: number): Promise<void> => {
    const due_ms = at_ms[i] ?? 0;
    result.sentAt_ms[i] = startWall_ms + due_ms;
    const answer = await send(pool, requests[i] as Prepared);
    if (!answer) return;
    result.latency_ms[i] = performance.now() - start_ms - due_ms;
    result.status[i] = answer.status;
    result.bodies[i] = answer.body;
  };
  for (let i = 0; i < requests.length;) {
    const now_ms = performance.now() - start_ms;
    while (i < requests.length && (at_ms[i] ?? 0) <= now_ms) answers.push(arrival(i++));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(answers);
  result.took_s = (performance.now() - start_ms) / 1_000;
  const { user, system } = process.cpuUsage(startCpu);
  result.cpu_s = (user + system) / 1e6;
  await pool.destroy();
  return result;
}
