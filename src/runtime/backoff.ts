/** Capped exponential backoff with equal jitter: half of the step is fixed, half is random. */
export function backoff_ms(
  attempt: number,
  { base_ms, cap_ms }: { base_ms: number; cap_ms: number },
  random: () => number = Math.random,
): number {
  const step_ms = Math.min(cap_ms, base_ms * 2 ** Math.max(0, attempt - 1));
  return step_ms / 2 + (random() * step_ms) / 2;
}
