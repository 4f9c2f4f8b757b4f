import { useEffect, useState } from "preact/hooks";
import { ok, type Order, type Transition } from "../shared/api.ts";
import { confirmed } from "../shared/dialog.tsx";
import { clockTime, dayAndTime, duration, linesText, money, timeOfDay } from "../shared/format.ts";
import { Lines } from "../shared/lines.tsx";
import { ProblemNotice } from "../shared/notices.tsx";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { client } from "./session.ts";
import { reasonWords, STATUS_WORDS } from "./words.ts";

interface OrderRowProps {
  order: Order;
  onChanged: () => void;
}

export function OrderRow({ order, onChanged }: OrderRowProps) {
  const [isOpen, setIsOpen] = useState(false);
  const { id, status, customerId, lines, total, placedAt } = order;
  return (
    <li class="order-row" data-order={id} data-status={status}>
      <button
        type="button"
        class="order-summary"
        aria-expanded={isOpen ? "true" : "false"}
        onClick={() => setIsOpen(!isOpen)}
      >
        <span class={`chip ${status}`}>{STATUS_WORDS[status]}</span>
        <span class="what">
          <Lines lines={lines} />
        </span>
        <span class="who">
          <code>{id}</code>
          <small>{customerId}</small>
        </span>
        <span class="total digits">{money(total)}</span>
        <time class="digits" dateTime={placedAt} title={dayAndTime(placedAt)}>
          {timeOfDay(placedAt)}
        </time>
      </button>
      {isOpen ? <Details order={order} onChanged={onChanged} /> : <></>}
    </li>
  );
}

function Details({ order, onChanged }: { order: Order; onChanged: () => void }) {
  const { id, revision, status } = order;
  const [history, setHistory] = useState<Transition[] | null>(null);
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  useEffect(() => {
    let isOver = false;
    ok(client.v1.operations.orders[":id"].history.$get({ param: { id } })).then(
      ({ transitions }) => isOver || setHistory(transitions),
      (error: unknown) => isOver || setProblem(asProblem(error)),
    );
    return () => {
      isOver = true;
    };
  }, [id, revision]);
  const change = async (name: "pay" | "cancel") => {
    setProblem(null);
    try {
      await ok(client.v1.orders[":id"][name].$post({ param: { id } }));
      onChanged();
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  const cancel = async () => {
    const isWanted = await confirmed({
      title: "Cancel this order?",
      text: `The customer is told, and ${linesText(order.lines)} goes back on sale.`,
      action: "Cancel the order",
    });
    if (isWanted) await change("cancel");
  };
  return (
    <div class="order-details">
      <p>{reasonWords(order)}</p>
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      <ol class="history" aria-label="History">
        {(history ?? []).map((step, i) => (
          <Step step={step} last={history?.[i - 1] ?? null} />
        ))}
      </ol>
      <div class="row-actions">
        {status === "confirmed" ? (
          <button type="button" class="button small" onClick={() => void change("pay")}>
            Mark as paid
          </button>
        ) : (
          <></>
        )}
        {status === "confirmed" || status === "pending" ? (
          <button type="button" class="button small quiet" onClick={() => void cancel()}>
            Cancel
          </button>
        ) : (
          <></>
        )}
      </div>
    </div>
  );
}

function Step({ step, last }: { step: Transition; last: Transition | null }) {
  const { revision, status, reason, at, actor } = step;
  const since = last === null ? "" : `after ${duration(Date.parse(at) - Date.parse(last.at))}`;
  return (
    <li class={status}>
      <b>{step.step === "placed" ? status : step.step.replace("_", " ")}</b>
      <span>{reason?.replaceAll("_", " ") ?? ""}</span>
      <span class="hint">
        <time dateTime={at}>{clockTime(at)}</time> {since} · revision {revision}
        {actor?.sub ? ` · by ${actor.sub}` : ""}
      </span>
    </li>
  );
}
