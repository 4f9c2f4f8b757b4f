import { useEffect, useRef, useState } from "preact/hooks";
import { isChallengeMessage } from "../shared/challenge-message.ts";
import type { LockstockProblem } from "../shared/problem.ts";
import { useStore } from "../shared/store.ts";
import { challenge, CHALLENGE_HEADING, failed, passed, tryAgain } from "./challenge.ts";
import { t } from "./texts/texts.ts";
import { challengeWords } from "./words.ts";

/** The page of the widget, and the widget's script, have to arrive in it. */
const SHOWN_MS = 30_000;

/** The check that a new guest has to pass; nothing while there is none. */
export function ChallengePanel() {
  const current = useStore(challenge);
  if (current === null) return <></>;
  const { attempt, problem } = current;
  return (
    <section class="panel challenge" aria-labelledby={CHALLENGE_HEADING}>
      <h2 id={CHALLENGE_HEADING} tabindex={-1}>
        {t.challenge.title}
      </h2>
      {problem ? (
        <Failed problem={problem} />
      ) : (
        <>
          <p class="hint">{t.challenge.hint}</p>
          <Frame key={attempt} />
        </>
      )}
    </section>
  );
}

function Failed({ problem }: { problem: LockstockProblem }) {
  const [title, text] = challengeWords(problem);
  return (
    <div class="notice bad" role="alert">
      <strong>{title}</strong>
      <span>{text}</span>
      <button type="button" class="button small" onClick={tryAgain}>
        {t.challenge.again}
      </button>
    </div>
  );
}

function Frame() {
  const frame = useRef<HTMLIFrameElement>(null);
  const [height_px, setHeight] = useState(65);
  useEffect(() => {
    const late = setTimeout(() => failed("it did not load"), SHOWN_MS);
    const hear = ({ source, origin, data }: MessageEvent<unknown>) => {
      const isOurs = source === frame.current?.contentWindow && origin === location.origin;
      if (!isOurs || !isChallengeMessage(data)) return;
      clearTimeout(late);
      if (data.challenge === "shown") setHeight(data.height_px);
      else if (data.challenge === "passed") passed(data.token);
      else failed(data.why);
    };
    addEventListener("message", hear);
    return () => {
      clearTimeout(late);
      removeEventListener("message", hear);
    };
  }, []);
  return <iframe ref={frame} src="/challenge" title={t.challenge.frame} height={height_px} />;
}
