import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { clientOf, ok } from "../shared/api.ts";
import { ProblemNotice } from "../shared/notices.tsx";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { textOf } from "./form.tsx";
import { isLocalRun, setToken } from "./session.ts";

/** Asks for the operator's token, and stores it once the API has accepted it. */
export function TokenGate() {
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  // Not `autofocus`, which waits for the next frame, and is done once a document: not after signing out.
  useLayoutEffect(() => field.current?.focus(), []);
  const enter = async (event: Event) => {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement) || isBusy) return;
    const text = textOf(new FormData(event.target), "token");
    setIsBusy(true);
    try {
      await ok(clientOf(() => text, location.origin).v1.operations.$get());
      setToken(text);
    } catch (error) {
      setProblem(asProblem(error));
      setIsBusy(false);
    }
  };
  return (
    <section class="gate panel" aria-labelledby="gate-title">
      <h1 id="gate-title">Operators only</h1>
      <p>The console needs a token with the scope “operator”. It is kept for this tab.</p>
      <form onSubmit={(event: Event) => void enter(event)}>
        <label class="field">
          <span>Token</span>
          <input
            ref={field}
            name="token"
            type="password"
            autocomplete="off"
            spellcheck={false}
            required
          />
        </label>
        {problem ? <ProblemNotice problem={problem} /> : <></>}
        <button type="submit" class="button primary" aria-disabled={isBusy ? "true" : "false"}>
          {isBusy ? "Checking…" : "Enter"}
        </button>
      </form>
      <HowToGetOne />
    </section>
  );
}

/** The first thing that an operator needs to know of a deployed console. */
function HowToGetOne() {
  if (isLocalRun) {
    return (
      <p class="hint">
        In a local run, <code>npm run --silent token -- me operator</code> prints one.
      </p>
    );
  }
  return (
    <details class="hint how">
      <summary>Where do I get a token?</summary>
      <ul>
        <li>
          <code>npm run deploy</code> wrote one, for 90 days, beside where it was run:{" "}
          <code>.deploy/production/operator.token</code> (the folder has the environment’s name).
        </li>
        <li>
          Another one: <code>npm run --silent token -- YOUR-NAME operator</code> with{" "}
          <code>AUTH_SECRET</code> set to the secret in that folder.
        </li>
        <li>
          With a key set (<code>AUTH_JWKS_URL</code>), from your identity provider, with the scope{" "}
          <code>operator</code>.
        </li>
      </ul>
    </details>
  );
}
