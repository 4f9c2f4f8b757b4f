import { useState } from "preact/hooks";
import { type Difference, ok } from "../shared/api.ts";
import { confirmed } from "../shared/dialog.tsx";
import { clockTime, count, plural } from "../shared/format.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { Store, useStore } from "../shared/store.ts";
import { OrderLink } from "./order-link.tsx";
import { client } from "./session.ts";

interface Report {
  isRepair: boolean;
  differences: Difference[];
  pages: number;
  /** Null while the comparison runs. */
  endedAt_ms: number | null;
}

/** It stays when the view is left. */
const last = new Store<Report | null>(null);

const KINDS: Record<Difference["kind"], string> = {
  missing_lock: "The item does not hold what the order has",
  unreleased: "The item still holds units of a cancelled order",
  wrong_lock: "The item holds something else than the order has",
  orphan_lock: "The item holds units for an unknown order",
  stuck: "The order waits for its items for too long",
};

/** Compares every order with the locks of the stock items. */
export function ReconcileView() {
  const report = useStore(last);
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const isRunning = report !== null && report.endedAt_ms === null && problem === null;
  const run = async (repair: boolean) => {
    if (isRunning) return;
    setProblem(null);
    const found: Report = { isRepair: repair, differences: [], pages: 0, endedAt_ms: null };
    last.set({ ...found });
    try {
      for (let cursor: string | null = null, isFirst = true; isFirst || cursor; isFirst = false) {
        const json: { repair: boolean; cursor: string | null } = { repair, cursor };
        // The body is optional, which the client's type does not express.
        const page = await ok(client.v1.operations.reconcile.$post({ json }));
        found.differences = [...found.differences, ...page.differences];
        found.pages++;
        cursor = page.nextCursor;
        last.set({ ...found });
      }
      last.set({ ...found, endedAt_ms: Date.now() });
    } catch (error) {
      last.set(null);
      setProblem(asProblem(error));
    }
  };
  const repair = async () => {
    const isWanted = await confirmed({
      title: "Repair what differs?",
      text: "Orders that differ are looked at again, and their stock is asked anew.",
      action: "Compare and repair",
    });
    if (isWanted) await run(true);
  };
  return (
    <section class="panel" aria-labelledby="reconcile-title">
      <div class="section-head">
        <h2 id="reconcile-title">Reconcile</h2>
        <p class="hint">Holds the orders against what the stock items have locked for them.</p>
      </div>
      <div class="row-actions">
        <button
          type="button"
          class="button primary"
          aria-disabled={isRunning ? "true" : "false"}
          onClick={() => void run(false)}
        >
          {isRunning ? "Comparing…" : "Compare"}
        </button>
        <button type="button" class="button quiet" onClick={() => void repair()}>
          Compare and repair
        </button>
        <span class="hint" role="status">
          {report ? statusOf(report) : ""}
        </span>
      </div>
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      {report?.endedAt_ms && report.isRepair ? <Repaired report={report} /> : <></>}
      {report?.endedAt_ms && report.differences.length === 0 ? (
        <Empty title="No differences" text="Orders and stock say the same, order by order." />
      ) : (
        <Differences differences={report?.differences ?? []} />
      )}
    </section>
  );
}

/** Whether a repair is under way or done; the others are for somebody to look at. */
const isRepaired = (one: Difference): boolean => "repaired" in one && one.repaired === true;

function Repaired({ report: { differences, endedAt_ms } }: { report: Report }) {
  if (differences.length === 0) return <></>;
  const n = differences.filter(isRepaired).length;
  const others = differences.length - n;
  return (
    <div class="notice" role="status">
      <strong>
        {n === 0
          ? "Nothing of this can be repaired by asking the stock again."
          : `${plural(n, "difference is", "differences are")} being repaired: the stock is asked anew.`}
      </strong>
      <span>
        {others > 0
          ? `${plural(others, "needs somebody", "need somebody")}: docs/operations.md says what each means. `
          : ""}
        {n > 0 ? "Compare again in a minute: what is repaired is no longer found." : ""}
      </span>
      <small>Repair of {clockTime(endedAt_ms ?? 0)}</small>
    </div>
  );
}

const statusOf = ({ pages, differences, endedAt_ms }: Report): string =>
  endedAt_ms === null
    ? `${plural(pages, "page")} compared, ${count(differences.length)} found…`
    : `${plural(differences.length, "difference")} at ${clockTime(endedAt_ms)}`;

function Differences({ differences }: { differences: readonly Difference[] }) {
  return (
    <ul class="letters">
      {differences.map(({ kind, sku, orderId, status, expected, found }) => (
        <li class="letter" key={`${sku} ${orderId}`}>
          <div class="letter-head">
            <b>{KINDS[kind]}</b>
            <span class="hint">
              <code>{sku}</code> · order <OrderLink id={orderId} /> · {status ?? "unknown"}
            </span>
          </div>
          <p class="letter-error">
            expected {lockWords(expected)}, found {lockWords(found)}
          </p>
        </li>
      ))}
    </ul>
  );
}

const lockWords = (lock: Difference["expected"]): string =>
  lock === null ? "nothing" : `${plural(lock.quantity, "unit")} ${lock.state}`;
