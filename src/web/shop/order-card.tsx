import { useState } from "preact/hooks";
import type { Order } from "../../../packages/client/src/index.ts";
import { confirmed } from "../shared/dialog.tsx";
import {
  clockTime,
  countdown,
  dayAndTime,
  linesText,
  money,
  shortId,
  timeOfDay,
} from "../shared/format.ts";
import { Lines } from "../shared/lines.tsx";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { useNow } from "../shared/use-now.ts";
import type { Attempt } from "./attempts.ts";
import { nameOf } from "./catalogue.ts";
import { learn } from "./orders.ts";
import { client, ONCE } from "./session.ts";
import { t } from "./texts/texts.ts";
import { Trouble } from "./trouble.tsx";
import { reasonWords } from "./words.ts";

const STEPS = ["pending", "confirmed", "paid"] as const;

export function OrderCard({ order }: { order: Order }) {
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const { id, status, lines, total, placedAt, updatedAt } = order;
  const isOpen = status === "pending" || status === "confirmed";
  const cancel = async () => {
    const isWanted = await confirmed({
      ...t.cancelQuestion,
      text: t.cancelQuestion.text(linesText(lines)),
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
        <span class={`chip ${status}`}>{t.status[status]}</span>
        <span class="order-when">
          <time dateTime={placedAt} title={dayAndTime(placedAt)}>
            {timeOfDay(placedAt)}
          </time>
          {" · "}
          <code title={id}>{shortId(id)}</code>
        </span>
      </div>
      <p class="order-lines">
        <Lines lines={lines} /> <span class="order-total digits">{money(total)}</span>
      </p>
      <Track status={status} />
      <p class="order-words">
        {status === "cancelled" ? reasonWords(order) : t.explained[status]} <PayBy order={order} />
      </p>
      {problem ? <Trouble problem={problem} text={cancelWords(problem)} /> : <></>}
      <div class="order-foot">
        <span class="hint">
          {t.since} <time dateTime={updatedAt}>{clockTime(updatedAt)}</time>
        </span>
        {isOpen ? (
          <button
            type="button"
            class="button small quiet"
            aria-label={t.cancelOrder(shortId(id), linesText(lines))}
            onClick={() => void cancel()}
          >
            {t.cancel}
          </button>
        ) : (
          <></>
        )}
      </div>
    </li>
  );
}

const cancelWords = ({ code }: LockstockProblem): string =>
  code === "not_cancellable" ? t.notCancellable : "";

/** The steps accepted, confirmed and paid, up to a cancellation. */
function Track({ status }: { status: Order["status"] }) {
  const reached = STEPS.findIndex((step) => step === status);
  return (
    <div class={`track is-${status}`} aria-hidden="true">
      {STEPS.map((step, i) => (
        <span class={i <= reached ? "step done" : "step"}>{t.status[step]}</span>
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
      {left_ms > 0 ? `${t.payWithin} ` : t.payOver}
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
        <span class="chip sending">{t.sending}</span>
      </div>
      <p class="order-lines">
        <Lines lines={named} />
      </p>
      <div class="track is-sending" aria-hidden="true">
        {STEPS.map((step) => (
          <span class="step">{t.status[step]}</span>
        ))}
      </div>
      <p class="order-words">{t.onItsWay}</p>
    </li>
  );
}
