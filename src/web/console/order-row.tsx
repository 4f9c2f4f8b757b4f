import { useEffect, useState } from "preact/hooks";
import { ok, type Order, type Transition } from "../shared/api.ts";
import { confirmed } from "../shared/dialog.tsx";
import {
  clockTime,
  dayAndTime,
  duration,
  linesText,
  money,
  shortId,
  timeOfDay,
} from "../shared/format.ts";
import { Lines } from "../shared/lines.tsx";
import { ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { newer } from "./orders.ts";
import { hrefOf } from "./route.ts";
import { client } from "./session.ts";
import { reasonWords, STATUS_WORDS } from "./words.ts";

export function OrderRow({ order: listed }: { order: Order }) {
  const [isOpen, setIsOpen] = useState(false);
  // An open row is read by itself: the list may have gone on without it.
  const [own, setOwn] = useState<Order>(listed);
  const order = newer(listed, own);
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
          <code>
            {id.slice(0, -ID_END)}
            <b>{shortId(id)}</b>
          </code>
          <small>{customerId}</small>
        </span>
        <span class="total digits">{money(total)}</span>
        <time class="digits" dateTime={placedAt} title={dayAndTime(placedAt)}>
          {timeOfDay(placedAt)}
        </time>
      </button>
      {isOpen ? <Details order={order} onOrder={setOwn} /> : <></>}
    </li>
  );
}

/** What the buyer sees of the id. */
const ID_END = 8;

function Details({ order, onOrder }: { order: Order; onOrder: (order: Order) => void }) {
  const { id, revision, status, customerId } = order;
  const [history, setHistory] = useState<Transition[] | null>(null);
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const latest = usePolled(`order ${id}`, () =>
    ok(client.v1.orders[":id"].$get({ param: { id } })),
  );
  useEffect(() => {
    if (latest.data) onOrder(latest.data);
  }, [latest.data]);
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
      onOrder(await ok(client.v1.orders[":id"][name].$post({ param: { id } })));
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  const pay = async () => {
    const isWanted = await confirmed({
      title: "Mark this order as paid?",
      text: `Only when ${money(order.total)} has come in without a report of your payment provider: its units are sold then, and this cannot be undone.`,
      action: "It is paid",
      keep: "Not yet",
    });
    if (isWanted) await change("pay");
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
          <button type="button" class="button small" onClick={() => void pay()}>
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
        <a href={hrefOf("orders", { q: customerId })}>All orders of this customer</a>
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
