import { useState } from "preact/hooks";
import { announce } from "../shared/announce.tsx";
import { confirmed } from "../shared/dialog.tsx";
import { dayAndTime, plural } from "../shared/format.ts";
import { ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { Deliveries } from "./deliveries.tsx";
import { type Webhook, webhookCalls, type WebhookStatus, type WithSecret } from "./webhooks.ts";

interface WebhookRowProps {
  webhook: Webhook;
  onSecret: (webhook: WithSecret) => void;
  onChanged: () => void;
}

export function WebhookRow({ webhook, onSecret, onChanged }: WebhookRowProps) {
  const { id, url, state, types } = webhook;
  const calls = webhookCalls(id);
  const status = usePolled(`webhook ${id}`, calls.status);
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const [isOpen, setIsOpen] = useState(false);
  const run = async (call: () => Promise<string>) => {
    setProblem(null);
    try {
      announce(await call());
    } catch (error) {
      setProblem(asProblem(error));
    }
    status.refresh();
    onChanged();
  };
  const test = () =>
    run(async () => {
      const { status: answered, answer } = await calls.test();
      return answered === null ? `The test failed: ${answer}.` : `It answered ${answered}.`;
    });
  const toggle = () =>
    run(async () => {
      const { state: after } = await calls.setState(state === "on" ? "off" : "on");
      return after === "on" ? "Switched on." : "Switched off.";
    });
  const rotate = () =>
    run(async () => {
      onSecret(await calls.rotate());
      return "It has a new secret.";
    });
  const remove = async () => {
    const isWanted = await confirmed({
      title: "Delete this webhook?",
      text: "Its events that are not delivered yet are deleted too.",
      action: "Delete",
    });
    if (isWanted) await run(() => calls.delete().then(() => "Deleted."));
  };
  return (
    <li class="letter" data-webhook={id}>
      <div class="letter-head">
        <b>{url}</b>
        <span class="chip">{state === "on" ? "On" : "Off"}</span>
        <span class="hint">{plural(types.length, "type")} of events</span>
      </div>
      <Health webhook={webhook} status={status.data} />
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      <div class="row-actions">
        <button type="button" class="button small" onClick={() => void test()}>
          Send a test
        </button>
        <button
          type="button"
          class="button small quiet"
          aria-expanded={isOpen ? "true" : "false"}
          onClick={() => setIsOpen(!isOpen)}
        >
          Deliveries
        </button>
        <button type="button" class="button small quiet" onClick={() => void toggle()}>
          {state === "on" ? "Switch off" : "Switch on"}
        </button>
        <button type="button" class="button small quiet" onClick={() => void rotate()}>
          New secret
        </button>
        <button type="button" class="button small quiet" onClick={() => void remove()}>
          Delete
        </button>
      </div>
      {isOpen ? <Deliveries webhookId={id} onChanged={status.refresh} /> : <></>}
    </li>
  );
}

const WHY = {
  operator: "An operator has switched it off.",
  gone: "It was switched off, because it answered 410 (gone).",
  changes_reset:
    "It was switched off: it was away for so long that events are no longer kept. Switched on, it begins with what happens from now on.",
} as const satisfies Record<NonNullable<Webhook["why"]>, string>;

function Health({ webhook, status }: { webhook: Webhook; status: WebhookStatus | null }) {
  const { why, failingSince } = webhook;
  if (why) return <p class="letter-error">{WHY[why]}</p>;
  if (!status) return <p class="hint">…</p>;
  const { pending, parked, pausedUntil } = status;
  return (
    <>
      {failingSince ? (
        <p class="letter-error">
          It has taken no events since {dayAndTime(failingSince)}.
          {pausedUntil ? ` The next attempt is at ${dayAndTime(pausedUntil)}.` : ""}
        </p>
      ) : (
        <></>
      )}
      {parked > 0 ? (
        <p class="letter-error">
          {plural(parked, "event")} refused, or waiting behind one that was.
        </p>
      ) : (
        <></>
      )}
      <p class="hint">
        {pending === 0
          ? `Everything${parked > 0 ? " else" : ""} is delivered.`
          : `${plural(pending, "event")} on the way.`}
      </p>
    </>
  );
}
