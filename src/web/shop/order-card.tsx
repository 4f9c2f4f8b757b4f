import { useState } from "preact/hooks";
import type { Order } from "../../../packages/client/src/index.ts";
import { confirmed } from "../shared/dialog.tsx";
import { clockTime, countdown, dayAndTime, money, shortId, timeOfDay } from "../shared/format.ts";
import { ProblemNotice } from "../shared/notices.tsx";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { useNow } from "../shared/use-now.ts";
import { linesWords, reasonWords, STATUS_WORDS } from "../shared/words.ts";
import type { Attempt } from "./attempts.ts";
import { nameOf } from "./catalogue.ts";
import { learn } from "./orders.ts";
import { client, ONCE } from "./session.ts";

/** The note under an order's lines. */
const EXPLAINED: Record<Order["status"], string> = {
  pending: "Your order is written down. Its stock is being locked.",
  confirmed: "It is yours: the stock is locked for you.",
  paid: "Paid. It is on its way to you.",
  cancelled: "",
  returned: "Everything came back.",
};

const STEPS = ["pending", "confirmed", "paid"] as const;

export function OrderCard({ order }: { order: Order }) {
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const { id, status, lines, total, placedAt, updatedAt } = order;
  const isOpen = status === "pending" || status === "confirmed";
  const cancel = async () => {
    const isWanted = await confirmed({
      title: "Cancel this order?",
      text: `${linesWords(lines)} will go back on sale. This cannot be undone.`,
      action: "Cancel the order",
    });
    if (!isWanted) return;
    setProblem(null);
    try {
      learn([await client.cancel(id, ONCE)]);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <li class={`order is-${status}`} data-order={id} data-status={status}>
      <div class="order-head">
        <span class={`chip ${status}`}>{STATUS_WORDS[status]}</span>
        <span class="order-when">
          <time dateTime={placedAt} title={dayAndTime(placedAt)}>
            {timeOfDay(placedAt)}
          </time>
          {" · "}
          <code title={id}>{shortId(id)}</code>
        </span>
      </div>
      <p class="order-lines">
        {linesWords(lines)} <span class="order-total digits">{money(total)}</span>
      </p>
      <Track status={status} />
      <p class="order-words">
        {status === "cancelled" ? reasonWords(order) : EXPLAINED[status]} <PayBy order={order} />
      </p>
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      <div class="order-foot">
        <span class="hint">
          since <time dateTime={updatedAt}>{clockTime(updatedAt)}</time>
        </span>
        {isOpen ? (
          <button
            type="button"
            class="button small quiet"
            aria-label={`Cancel the order ${shortId(id)}: ${linesWords(lines)}`}
            onClick={() => void cancel()}
          >
            Cancel
          </button>
        ) : (
          <></>
        )}
      </div>
    </li>
  );
}

/** The steps accepted, confirmed and paid, up to a cancellation. */
function Track({ status }: { status: Order["status"] }) {
  const reached = STEPS.findIndex((step) => step === status);
  return (
    <div class={`track is-${status}`} aria-hidden="true">
      {STEPS.map((step, i) => (
        <span class={i <= reached ? "step done" : "step"}>{STATUS_WORDS[step]}</span>
      ))}
    </div>
  );
}

function PayBy({ order: { status, payBy } }: { order: Order }) {
  const isRunning = status === "confirmed" && payBy !== null;
  const now = useNow(isRunning);
  if (!isRunning || payBy === null) return <></>;
  const left_ms = Date.parse(payBy) - now;
  return (
    <span class="pay-by">
      {left_ms > 0 ? "Pay within " : "The time to pay is over"}
      {left_ms > 0 ? (
        <time class="digits" dateTime={payBy} title={dayAndTime(payBy)}>
          {countdown(left_ms)}
        </time>
      ) : (
        <></>
      )}
    </span>
  );
}

/** An order that is being sent. */
export function AttemptCard({ attempt: { lines } }: { attempt: Attempt }) {
  const named = lines.map(({ sku, quantity }) => ({ quantity, name: nameOf(sku) }));
  return (
    <li class="order is-sending" data-status="sending">
      <div class="order-head">
        <span class="chip sending">Sending</span>
      </div>
      <p class="order-lines">{linesWords(named)}</p>
      <div class="track is-sending" aria-hidden="true">
        <span class="step">Accepted</span>
        <span class="step">Confirmed</span>
        <span class="step">Paid</span>
      </div>
      <p class="order-words">On its way. You can close or reload this page: it counts once.</p>
    </li>
  );
}
