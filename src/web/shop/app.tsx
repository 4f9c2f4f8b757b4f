import { useState } from "preact/hooks";
import type { Connection } from "../../../packages/client/src/index.ts";
import { Announcer } from "../shared/announce.tsx";
import { Brand } from "../shared/brand.tsx";
import { Questions } from "../shared/dialog.tsx";
import { clockTime } from "../shared/format.ts";
import { Empty } from "../shared/notices.tsx";
import type { LockstockProblem } from "../shared/problem.ts";
import { Store, useStore } from "../shared/store.ts";
import { attempts } from "./attempts.ts";
import { CartBar } from "./cart-bar.tsx";
import { CartPanel, ORDERS_HEADING } from "./cart-panel.tsx";
import { catalogueProblem, items, readAt_ms } from "./catalogue.ts";
import { ChallengePanel } from "./challenge-panel.tsx";
import { ItemCard } from "./item-card.tsx";
import { AttemptCard, OrderCard } from "./order-card.tsx";
import { orders } from "./orders.ts";
import { forgetGuest, isRefused } from "./session.ts";
import { t } from "./texts/texts.ts";
import { Trouble } from "./trouble.tsx";

export const connection = new Store<Exclude<Connection, "closed">>("connecting");
/** Why no guest could be created; without one, nothing can be ordered. */
export const guestProblem = new Store<LockstockProblem | null>(null);

const SKELETONS = 4;
const ORDERS_SHOWN = 6;

export function App() {
  return (
    <>
      <a class="skip" href="#catalogue">
        {t.skipToCatalogue}
      </a>
      <a class="skip" href="#cart">
        {t.skipToCart}
      </a>
      <header class="site-head">
        <Brand place={t.place} />
        <ConnectionPill />
      </header>
      <main class="shop">
        <Catalogue />
        <aside class="side" aria-label={t.side}>
          <ChallengePanel />
          <CartPanel />
          <Orders />
        </aside>
      </main>
      <footer class="site-foot">
        <nav aria-label={t.more}>
          <a href="/console">Console</a>
          <a href="/docs">API</a>
        </nav>
        <p>{t.motto}</p>
      </footer>
      <CartBar />
      <Questions />
      <Announcer />
    </>
  );
}

function ConnectionPill() {
  const feed = useStore(connection);
  // A socket notices only after half a minute that nobody is there any more; a call does at once.
  const isAway = useStore(catalogueProblem)?.status === 0;
  const state = isAway && feed === "live" ? "offline" : feed;
  const [label, title] = t.connection[state];
  return (
    <p class={`pill ${state}`} role="status" title={title} data-connection={state}>
      <span class="visually-hidden">{t.updates} </span>
      {label}
    </p>
  );
}

function Catalogue() {
  const all = useStore(items);
  const problem = useStore(catalogueProblem);
  const read_ms = useStore(readAt_ms);
  return (
    <section class="catalogue" aria-labelledby="catalogue">
      <div class="section-head">
        <h1 id="catalogue" tabindex={-1}>
          {t.title}
        </h1>
        <p class="lead">{t.lead}</p>
      </div>
      {problem ? (
        <Trouble
          problem={problem}
          text={`${read_ms === null ? "" : `${t.stockFrom(clockTime(read_ms))} `}${t.triedAgain}`}
        />
      ) : (
        <></>
      )}
      {all?.length === 0 ? (
        <Empty title={t.nothingOnSale[0]} text={t.nothingOnSale[1]} />
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
  const isAway = useStore(catalogueProblem) !== null;
  const [isAll, setIsAll] = useState(false);
  const shown = isAll ? all : all.slice(0, ORDERS_SHOWN);
  const hidden = all.length - shown.length;
  return (
    <section class="panel orders" aria-labelledby={ORDERS_HEADING}>
      <h2 id={ORDERS_HEADING} tabindex={-1}>
        {t.yourOrders}
      </h2>
      {/* What is wrong is said once: the catalogue's notice is above. */}
      {problem && !isAway ? <Trouble problem={problem} text={t.triedAgain} /> : <></>}
      <Refused />
      {all.length + sending.length === 0 ? (
        <p class="hint">{t.noOrders}</p>
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
          {t.olderOrders(hidden)}
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
  const [title, text] = t.refused;
  return (
    <div class="notice bad" role="alert">
      <strong>{title}</strong>
      <span>{text}</span>
      <button type="button" class="button small" onClick={forgetGuest}>
        {t.startAnew}
      </button>
    </div>
  );
}
