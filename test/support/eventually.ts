const STEP_MS = 20;
/** 20 s, for a busy machine; what is waited for comes at once on an idle one. */
const STEPS = 1_000;

/**
 * The answer, as soon as the question throws no more. Unlike `vi.waitFor` it gives up after longer
 * than a second, and leaves a clock alone that the test has stopped.
 */
export async function eventually<T>(ask: () => T | Promise<T>): Promise<T> {
  for (let step = 0; ; step++) {
    try {
      return await ask();
    } catch (error) {
      if (step === STEPS) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}
