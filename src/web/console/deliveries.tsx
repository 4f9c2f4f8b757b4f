import { useState } from "preact/hooks";
import { announce } from "../shared/announce.tsx";
import { dayAndTime, plural } from "../shared/format.ts";
import { ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { type Delivery, type DeliveryState, webhookCalls } from "./webhooks.ts";

const FILTERS = [null, "pending", "parked", "delivered"] as const;
const LABELS: Record<DeliveryState | "all", string> = {
  all: "All",
  pending: "On the way",
  parked: "Refused",
  delivered: "Delivered",
};

interface DeliveriesProps {
  webhookId: string;
  onChanged: () => void;
}

/** The newest events of a webhook, with what the endpoint answered. */
export function Deliveries({ webhookId, onChanged }: DeliveriesProps) {
  const [state, setState] = useState<DeliveryState | null>(null);
  const calls = webhookCalls(webhookId);
  const key = `deliveries ${webhookId} ${state}`;
  const page = usePolled(key, () => calls.deliveries(state));
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const resend = async (id: string) => {
    setProblem(null);
    try {
      await calls.resend(id);
      announce("It is sent again.");
    } catch (error) {
      setProblem(asProblem(error));
    }
    page.refresh();
    onChanged();
  };
  const shown = problem ?? page.problem;
  return (
    <div class="deliveries">
      <div class="filters" role="group" aria-label="State of the deliveries">
        {FILTERS.map((name) => (
          <button
            type="button"
            class="filter"
            aria-pressed={name === state ? "true" : "false"}
            onClick={() => setState(name)}
          >
            {LABELS[name ?? "all"]}
          </button>
        ))}
      </div>
      {shown ? <ProblemNotice problem={shown} /> : <></>}
      {page.data?.deliveries.length === 0 ? <p class="hint">There are none.</p> : <></>}
      <ul class="letters">
        {(page.data?.deliveries ?? []).map((delivery) => (
          <Row key={delivery.id} delivery={delivery} onResend={() => void resend(delivery.id)} />
        ))}
      </ul>
    </div>
  );
}

function Row({ delivery, onResend }: { delivery: Delivery; onResend: () => void }) {
  const { id, type, at, state, attempts, lastAttempt, body } = delivery;
  return (
    <li class="letter" data-delivery={id}>
      <div class="letter-head">
        <b>{type}</b>
        <span class="chip">{LABELS[state]}</span>
        <span class="hint">
          <time dateTime={at}>{dayAndTime(at)}</time> · {plural(attempts, "attempt")}
        </span>
      </div>
      {lastAttempt ? (
        <p class={state === "delivered" ? "hint" : "letter-error"}>
          {lastAttempt.status ?? "No answer"} after {lastAttempt.tookMs} ms
          {lastAttempt.answer ? `: ${lastAttempt.answer}` : ""}
        </p>
      ) : (
        <></>
      )}
      <details>
        <summary>Body</summary>
        <pre tabindex={0}>{JSON.stringify(body, null, 2)}</pre>
      </details>
      <div class="row-actions">
        <button type="button" class="button small quiet" onClick={onResend}>
          Send again
        </button>
      </div>
    </li>
  );
}
