import type { LockstockProblem } from "../shared/problem.ts";
import { t } from "./texts/texts.ts";
import { failureWords } from "./words.ts";

interface TroubleProps {
  problem: LockstockProblem;
  /** What this means for the buyer. */
  text: string;
}

/** A call that has failed, in the buyer's words. */
export function Trouble({ problem, text }: TroubleProps) {
  const { requestId, isTemporary } = problem;
  return (
    <div class="notice bad" role="alert">
      <strong>{failureWords(problem)}</strong>
      <span>{text}</span>
      {requestId && !isTemporary ? (
        <small>
          {t.request} <code>{requestId}</code>
        </small>
      ) : (
        <></>
      )}
    </div>
  );
}
