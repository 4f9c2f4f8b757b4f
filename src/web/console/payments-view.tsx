import type { InferResponseType } from "hono/client";
import { useState } from "preact/hooks";
import { announce } from "../shared/announce.tsx";
import { type Client, ok } from "../shared/api.ts";
import { confirmed } from "../shared/dialog.tsx";
import { dayAndTime, money } from "../shared/format.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { OrderLink } from "./order-link.tsx";
import { client } from "./session.ts";

type Payment = InferResponseType<Client["v1"]["payments"]["$get"]>["payments"][number];

const FILTERS = {
  unmatched: "To be refunded",
  waiting: "Waiting",
  applied: "Applied",
  refunded: "Refunded",
} as const satisfies Record<Payment["state"], string>;
type State = Payment["state"];
const STATES = Object.keys(FILTERS) as State[];

const WHY = {
  unknown_order: "There is no such order.",
  amount: "It is not the amount that was due.",
  already_paid: "Another payment has paid the order.",
  ended: "The order has ended.",
} as const satisfies Record<NonNullable<Payment["why"]>, string>;

/** Payments, those that need somebody first. */
export function PaymentsView({ onChanged }: { onChanged: () => void }) {
  const [state, setState] = useState<State>("unmatched");
  const page = usePolled(`payments ${state}`, () =>
    ok(client.v1.payments.$get({ query: { state, limit: "50" } })),
  );
  const payments = page.data?.payments ?? [];
  const changed = () => {
    page.refresh();
    onChanged();
  };
  return (
    <section class="panel" aria-labelledby="payments-title">
      <div class="section-head">
        <h2 id="payments-title">Payments</h2>
        <p class="hint">Money that no order can take has to be refunded.</p>
      </div>
      <div class="filters" role="group" aria-label="State">
        {STATES.map((name) => (
          <button
            type="button"
            class="filter"
            aria-pressed={name === state ? "true" : "false"}
            onClick={() => setState(name)}
          >
            {FILTERS[name]}
          </button>
        ))}
      </div>
      {page.problem ? <ProblemNotice problem={page.problem} /> : <></>}
      {page.data && payments.length === 0 ? (
        <Empty
          title="No such payment"
          text={state === "unmatched" ? "Nobody is owed money." : "None is in this state."}
        />
      ) : (
        <ul class="letters">
          {payments.map((payment) => (
            <Row key={payment.reference} payment={payment} onChanged={changed} />
          ))}
        </ul>
      )}
      {page.data?.nextCursor ? (
        <p class="hint">There are older ones: GET /v1/payments lists them all.</p>
      ) : (
        <></>
      )}
    </section>
  );
}

function Row({ payment, onChanged }: { payment: Payment; onChanged: () => void }) {
  const { reference, orderId, successorId, state, why, receivedAt } = payment;
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const refund = async () => {
    const isWanted = await confirmed({
      title: "Is it refunded?",
      text: `Mark this only after your payment provider has given ${money(payment)} back.`,
      action: "It is refunded",
    });
    if (!isWanted) return;
    setProblem(null);
    try {
      await ok(client.v1.payments[":reference"].refunded.$post({ param: { reference } }));
      announce("Marked as refunded.");
    } catch (error) {
      setProblem(asProblem(error));
    }
    onChanged();
  };
  return (
    <li class="letter" data-payment={reference}>
      <div class="letter-head">
        <b class="digits">{money(payment)}</b>
        <span class="hint">
          <time dateTime={receivedAt}>{dayAndTime(receivedAt)}</time> · <code>{reference}</code>
        </span>
      </div>
      {why ? <p class="letter-error">{WHY[why]}</p> : <></>}
      <p class="hint">
        Order <OrderLink id={orderId} />
        {successorId ? (
          <>
            , placed again as <OrderLink id={successorId} />
          </>
        ) : (
          <></>
        )}
      </p>
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      {state === "unmatched" ? (
        <div class="row-actions">
          <button type="button" class="button small" onClick={() => void refund()}>
            Mark as refunded
          </button>
        </div>
      ) : (
        <></>
      )}
    </li>
  );
}
