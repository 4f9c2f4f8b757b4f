import { LockstockProblem } from "../../../packages/client/src/index.ts";

export { LockstockProblem };

export const asProblem = (error: unknown): LockstockProblem =>
  error instanceof LockstockProblem
    ? error
    : new LockstockProblem({
        status: 0,
        title: "The page has failed",
        detail: String(error),
      });
