/** An alarm this long overdue counts as lost: one in the past has been seen stuck. */
const OVERDUE_MS = 5_000;

/** Sees to it that the object's one alarm comes at `at_ms` or before. */
export async function armBy(
  storage: DurableObjectStorage,
  at_ms: number,
  now_ms: number,
): Promise<void> {
  const armed_ms = await storage.getAlarm();
  if (armed_ms !== null && armed_ms <= at_ms && armed_ms >= now_ms - OVERDUE_MS) return;
  await storage.setAlarm(Math.max(at_ms, now_ms));
}
