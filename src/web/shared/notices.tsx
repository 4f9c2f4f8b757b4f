import type { LockstockProblem } from "./problem.ts";

/** An error of the API: title, detail, and the request id for support. */
export function ProblemNotice({ problem }: { problem: LockstockProblem }) {
  const { title, detail, requestId } = problem.body;
  return (
    <div class="notice bad" role="alert">
      <strong>{title}</strong>
      <span>{detail}</span>
      {requestId ? (
        <small>
          Request <code>{requestId}</code>
        </small>
      ) : (
        <></>
      )}
    </div>
  );
}

export function Empty({ title, text }: { title: string; text: string }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      <span>{text}</span>
    </div>
  );
}
