import { useEffect } from "preact/hooks";
import { Announcer } from "../shared/announce.tsx";
import type { Operations } from "../shared/api.ts";
import { Brand } from "../shared/brand.tsx";
import { Questions } from "../shared/dialog.tsx";
import { clockTime, count, plural } from "../shared/format.ts";
import { type Polled, usePolled } from "../shared/polled.ts";
import { useStore } from "../shared/store.ts";
import { Alerts } from "./alerts.tsx";
import { DeadLettersView } from "./dead-letters-view.tsx";
import { DemoView } from "./demo-view.tsx";
import { OrdersView } from "./orders-view.tsx";
import { PaymentsView } from "./payments-view.tsx";
import { ReconcileView } from "./reconcile-view.tsx";
import { place, type View, VIEWS } from "./route.ts";
import { askOperations, SaleView } from "./sale-view.tsx";
import { isLocalRun, setToken, token } from "./session.ts";
import { TokenGate } from "./token-gate.tsx";
import { WebhooksView } from "./webhooks-view.tsx";

const NAMES: Record<View, string> = {
  sale: "Sale",
  orders: "Orders",
  payments: "Payments",
  webhooks: "Webhooks",
  "dead-letters": "Dead letters",
  reconcile: "Reconcile",
  demo: "Demo",
};

export function App() {
  const isIn = useStore(token) !== null;
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      {isIn ? <Console /> : <Locked />}
      <Questions />
      <Announcer />
    </>
  );
}

/** The hash names the view, so following the link would leave the view. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Locked() {
  return (
    <>
      <header class="site-head">
        <Brand place="Console" />
      </header>
      <main id="main" class="console" tabindex={-1}>
        <TokenGate />
      </main>
    </>
  );
}

function Console() {
  const { view: shown } = useStore(place);
  const operations = usePolled("operations", askOperations);
  const deadLetters = operations.data?.deadLetters ?? 0;
  const code = operations.problem?.code;
  useEffect(() => {
    // 401: the token has expired, so ask for it again. Other errors may be temporary.
    if (code === "unauthenticated") setToken(null);
  }, [code]);
  const alerts = operations.data?.alerts ?? [];
  const title = titleOf(alerts, NAMES[shown]);
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <>
      <header class="site-head">
        <Brand place="Console" />
        <nav aria-label="Views" class="views">
          {VIEWS.filter((name) => name !== "demo" || isLocalRun).map((name) => (
            <a href={`#${name}`} aria-current={name === shown ? "page" : undefined}>
              {NAMES[name]}
              {name === "dead-letters" && deadLetters > 0 ? (
                <span class="badge digits">{count(deadLetters)}</span>
              ) : (
                <></>
              )}
            </a>
          ))}
        </nav>
        <Freshness operations={operations} />
        <button type="button" class="button small quiet" onClick={() => setToken(null)}>
          Sign out
        </button>
      </header>
      <main id="main" class="console" tabindex={-1}>
        <h1 class="visually-hidden">{NAMES[shown]}</h1>
        <Alerts alerts={alerts} />
        <Shown view={shown} operations={operations} />
      </main>
    </>
  );
}

/** What is wrong is in the tab's title too: an operator has other tabs open. */
const titleOf = (alerts: Operations["alerts"], name: string): string =>
  alerts[0] ? `(${count(alerts.length)}) ${alerts[0].text}` : `${name} – Lockstock console`;

function Shown({ view: shown, operations }: { view: View; operations: Polled<Operations> }) {
  switch (shown) {
    case "sale":
      return <SaleView operations={operations} />;
    case "orders":
      return <OrdersView />;
    case "payments":
      return <PaymentsView onChanged={operations.refresh} />;
    case "webhooks":
      return <WebhooksView />;
    case "dead-letters":
      return <DeadLettersView onChanged={operations.refresh} />;
    case "reconcile":
      return <ReconcileView />;
    case "demo":
      return isLocalRun ? <DemoView /> : <SaleView operations={operations} />;
  }
}

/** Green is for all being well, not for having an answer. */
function Freshness({ operations: { data, problem } }: { operations: Polled<Operations> }) {
  const alerts = data?.alerts.length ?? 0;
  const [state, label] = problem
    ? ["offline", "No answer"]
    : data === null
      ? ["connecting", "Loading"]
      : alerts > 0
        ? ["offline", plural(alerts, "alert")]
        : ["live", "Live"];
  return (
    <p class={`pill ${state}`} title={`Last asked at ${clockTime(Date.now())}`}>
      {label}
    </p>
  );
}
