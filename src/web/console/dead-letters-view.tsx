import { useState } from "preact/hooks";
import { announce } from "../shared/announce.tsx";
import { type DeadLetter, ok } from "../shared/api.ts";
import { confirmed } from "../shared/dialog.tsx";
import { clockTime, dayAndTime, plural } from "../shared/format.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { Store, useStore } from "../shared/store.ts";
import { orderIdsIn } from "./order-ids.ts";
import { OrderLink } from "./order-link.tsx";
import { client } from "./session.ts";

/** What became of a letter that is no longer in the list. */
interface Outcome {
  id: string;
  at_ms: number;
  text: string;
  orders: string[];
}

const MAX_OUTCOMES = 20;
/** The newest first. It stays when the view is left. */
const outcomes = new Store<readonly Outcome[]>([]);

/** Messages that could not be processed, oldest first. They are kept until an operator decides. */
export function DeadLettersView({ onChanged }: { onChanged: () => void }) {
  const page = usePolled("dead letters", () =>
    ok(client.v1["dead-letters"].$get({ query: { limit: "50" } })),
  );
  const letters = page.data?.deadLetters ?? [];
  const changed = () => {
    page.refresh();
    onChanged();
  };
  return (
    <section class="panel" aria-labelledby="dead-letters-title">
      <div class="section-head">
        <h2 id="dead-letters-title">Dead letters</h2>
        <p class="hint">Messages that could not be processed. Nothing of them is lost.</p>
      </div>
      <Outcomes />
      {page.problem ? <ProblemNotice problem={page.problem} /> : <></>}
      {page.data && letters.length === 0 ? (
        <Empty title="No dead letters" text="Every message has been processed." />
      ) : (
        <ul class="letters">
          {letters.map((letter) => (
            <Letter key={letter.id} letter={letter} onChanged={changed} />
          ))}
        </ul>
      )}
      {page.data?.nextCursor ? (
        <p class="hint">There are more: they appear as these are dealt with.</p>
      ) : (
        <></>
      )}
    </section>
  );
}

function Outcomes() {
  const all = useStore(outcomes);
  if (all.length === 0) return <></>;
  return (
    <ul class="outcomes" aria-label="What was done">
      {all.map(({ id, at_ms, text, orders }) => (
        <li class="notice" key={`${id} ${at_ms}`} data-outcome={id}>
          <span>
            {text} <Orders ids={orders} />
          </span>
          <small>
            {clockTime(at_ms)} · <code>{id}</code>
          </small>
        </li>
      ))}
    </ul>
  );
}

function Orders({ ids }: { ids: readonly string[] }) {
  if (ids.length === 0) return <></>;
  return (
    <span class="hint">
      {ids.length === 1 ? "Order" : "Orders"}{" "}
      {ids.map((id) => (
        <>
          <OrderLink id={id} isShort />{" "}
        </>
      ))}
    </span>
  );
}

interface LetterProps {
  letter: DeadLetter;
  onChanged: () => void;
}

function Letter({ letter, onChanged }: LetterProps) {
  const { id, queue, attempts, error, at, body } = letter;
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const orders = orderIdsIn(body);
  const run = async (call: () => Promise<string>) => {
    setProblem(null);
    try {
      const text = await call();
      const outcome = { id, at_ms: Date.now(), text, orders };
      outcomes.update((all) => [outcome, ...all].slice(0, MAX_OUTCOMES));
      announce(text);
      onChanged();
    } catch (failure) {
      setProblem(asProblem(failure));
    }
  };
  const replay = () =>
    run(async () => {
      const param = { id };
      const { outcome } = await ok(client.v1["dead-letters"][":id"].replay.$post({ param }));
      return outcome === "resent"
        ? "Replayed: sent to its queue again. If it fails again, it comes back as a new letter."
        : "Replayed: its orders are looked at now.";
    });
  const discard = async () => {
    const isWanted = await confirmed({
      title: "Discard this dead letter?",
      text: "Its message is deleted and will never be processed.",
      action: "Discard",
    });
    if (!isWanted) return;
    await run(async () => {
      await ok(client.v1["dead-letters"][":id"].$delete({ param: { id } }));
      return "Discarded: it will never be processed.";
    });
  };
  return (
    <li class="letter" data-letter={id}>
      <div class="letter-head">
        <b>{queue}</b>
        <span class="hint">
          <time dateTime={at}>{dayAndTime(at)}</time> · {plural(attempts, "attempt")} ·{" "}
          <code>{id}</code>
        </span>
        <Orders ids={orders} />
      </div>
      <p class="letter-error">{error}</p>
      <details>
        <summary>Body</summary>
        <pre tabindex={0}>{JSON.stringify(body, null, 2)}</pre>
      </details>
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      <div class="row-actions">
        <button type="button" class="button small" onClick={() => void replay()}>
          Replay
        </button>
        <button type="button" class="button small quiet" onClick={() => void discard()}>
          Discard
        </button>
      </div>
    </li>
  );
}
