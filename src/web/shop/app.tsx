import { useState } from "preact/hooks";
import type { Connection } from "../../../packages/client/src/index.ts";
import { Announcer } from "../shared/announce.tsx";
import { Brand } from "../shared/brand.tsx";
import { Questions } from "../shared/dialog.tsx";
import { money, plural } from "../shared/format.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import type { LockstockProblem } from "../shared/problem.ts";
import { Store, useStore } from "../shared/store.ts";
import { attempts } from "./attempts.ts";
import { CartPanel, ORDERS_HEADING, totalOf } from "./cart-panel.tsx";
import { cart } from "./cart.ts";
import { catalogueProblem, items } from "./catalogue.ts";
import { ChallengePanel } from "./challenge-panel.tsx";
import { ItemCard } from "./item-card.tsx";
import { AttemptCard, OrderCard } from "./order-card.tsx";
import { orders } from "./orders.ts";
import { forgetGuest, isRefused } from "./session.ts";

export const connection = new Store<Exclude<Connection, "closed">>("connecting");
/** Why no guest could be created; without one, nothing can be ordered. */
export const guestProblem = new Store<LockstockProblem | null>(null);

const SKELETONS = 4;
const ORDERS_SHOWN = 6;

export function App() {
  return (
    <>
      <a class="skip" href="#catalogue">
        Skip to the catalogue
      </a>
      <header class="site-head">
        <Brand place="Shop" />
        <ConnectionPill />
      </header>
      <main class="shop">
        <Catalogue />
        <aside class="side" aria-label="Cart and orders">
          <ChallengePanel />
          <CartPanel />
          <Orders />
        </aside>
      </main>
      <footer class="site-foot">
        <nav aria-label="More">
          <a href="/console">Console</a>
          <a href="/docs">API</a>
        </nav>
        <p>Every unit is promised once.</p>
      </footer>
      <CartBar />
      <Questions />
      <Announcer />
    </>
  );
}

const CONNECTIONS: Record<Exclude<Connection, "closed">, [label: string, title: string]> = {
  connecting: ["Connecting", "Connecting to hear of your orders as they change"],
  live: ["Live", "Connected: changes of your orders appear by themselves"],
  polling: ["Polling", "No live connection: your orders are asked for every few seconds"],
  offline: ["Offline", "The server cannot be reached; trying again"],
};

function ConnectionPill() {
  const state = useStore(connection);
  const [label, title] = CONNECTIONS[state];
  return (
    <p class={`pill ${state}`} role="status" title={title} data-connection={state}>
      <span class="visually-hidden">Order updates: </span>
      {label}
    </p>
  );
}

function Catalogue() {
  const all = useStore(items);
  const problem = useStore(catalogueProblem);
  return (
    <section class="catalogue" aria-labelledby="catalogue">
      <div class="section-head">
        <h1 id="catalogue" tabindex={-1}>
          Few of each. Fairly sold.
        </h1>
        <p class="lead">Live stock, one click, and the answer arrives while you watch.</p>
      </div>
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      {all?.length === 0 ? (
        <Empty title="Nothing is on sale" text="As soon as there is, it appears here." />
      ) : (
        <ul class="items" aria-busy={all === null ? "true" : "false"}>
          {all === null
            ? Array.from({ length: SKELETONS }, (_, i) => (
                <li class="item skeleton" key={`s${i}`} />
              ))
            : all.map((item) => <ItemCard key={item.sku} item={item} />)}
        </ul>
      )}
    </section>
  );
}

function Orders() {
  const all = useStore(orders);
  // Afterwards the order has a card of its own.
  const sending = useStore(attempts).filter(({ orderId }) => orderId === undefined);
  const problem = useStore(guestProblem);
  const [isAll, setIsAll] = useState(false);
  const shown = isAll ? all : all.slice(0, ORDERS_SHOWN);
  const hidden = all.length - shown.length;
  return (
    <section class="panel orders" aria-labelledby={ORDERS_HEADING}>
      <h2 id={ORDERS_HEADING} tabindex={-1}>
        Your orders
      </h2>
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      <Refused />
      {all.length + sending.length === 0 ? (
        <p class="hint">None yet. Each order lives here, from accepted to paid.</p>
      ) : (
        <ul class="order-list">
          {sending.map((attempt) => (
            <AttemptCard key={attempt.key} attempt={attempt} />
          ))}
          {shown.map((order) => (
            <OrderCard key={order.id} order={order} />
          ))}
        </ul>
      )}
      {hidden > 0 ? (
        <button type="button" class="button quiet" onClick={() => setIsAll(true)}>
          Show {plural(hidden, "older order")}
        </button>
      ) : (
        <></>
      )}
    </section>
  );
}

/** Lets the buyer decide whether to continue without the orders of this session. */
function Refused() {
  if (!useStore(isRefused)) return <></>;
  return (
    <div class="notice bad" role="alert">
      <strong>The shop does not accept this session</strong>
      <span>Your orders are kept, and it is tried again. Starting anew gives them up here.</span>
      <button type="button" class="button small" onClick={forgetGuest}>
        Start anew
      </button>
    </div>
  );
}

/** A link to the cart, which on phones is far down the page. */
function CartBar() {
  const lines = useStore(cart);
  const all = useStore(items);
  const units = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const total = totalOf(lines, all);
  if (units === 0) return <></>;
  return (
    <a class="cart-bar" href="#cart">
      <span>Cart · {plural(units, "item")}</span>
      <span class="digits">{total ? money(total) : ""}</span>
    </a>
  );
}
