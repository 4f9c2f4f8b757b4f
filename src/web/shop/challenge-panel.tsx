import { useEffect, useRef, useState } from "preact/hooks";
import { isChallengeMessage } from "../shared/challenge-message.ts";
import { useStore } from "../shared/store.ts";
import { challengeWords } from "../shared/words.ts";
import { challenge, CHALLENGE_HEADING, failed, passed, tryAgain } from "./challenge.ts";

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
        A short check
      </h2>
      {problem ? (
        <div class="notice bad" role="alert">
          <strong>{problem.title}</strong>
          <span>{challengeWords(problem)}</span>
          <button type="button" class="button small" onClick={tryAgain}>
            Try again
          </button>
        </div>
      ) : (
        <>
          <p class="hint">It shows that you are not a robot, and mostly passes by itself.</p>
          <Frame key={attempt} />
        </>
      )}
    </section>
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
  return <iframe ref={frame} src="/challenge" title="Check of new guests" height={height_px} />;
}
