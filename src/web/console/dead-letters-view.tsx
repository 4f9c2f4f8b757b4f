import { useState } from "preact/hooks";
import { announce } from "../shared/announce.tsx";
import { type DeadLetter, ok } from "../shared/api.ts";
import { confirmed } from "../shared/dialog.tsx";
import { dayAndTime, plural } from "../shared/format.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { client } from "./session.ts";

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

interface LetterProps {
  letter: DeadLetter;
  onChanged: () => void;
}

function Letter({ letter, onChanged }: LetterProps) {
  const { id, queue, attempts, error, at, body } = letter;
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const run = async (call: () => Promise<string>) => {
    setProblem(null);
    try {
      announce(await call());
      onChanged();
    } catch (failure) {
      setProblem(asProblem(failure));
    }
  };
  const replay = () =>
    run(async () => {
      const param = { id };
      const { outcome } = await ok(client.v1["dead-letters"][":id"].replay.$post({ param }));
      return outcome === "resent" ? "Sent to its queue again." : "Its orders are looked at now.";
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
      return "Discarded.";
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
