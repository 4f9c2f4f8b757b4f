import type { Item } from "../../../packages/client/src/index.ts";
import { announce } from "../shared/announce.tsx";
import { count, countdown, dayAndTime, isolated, money } from "../shared/format.ts";
import { useStore } from "../shared/store.ts";
import { useNow } from "../shared/use-now.ts";
import { attempts } from "./attempts.ts";
import { ownedUnits, type Phase, phaseOf, roomFor } from "./availability.ts";
import { cart, inCart, setQuantity } from "./cart.ts";
import { orders } from "./orders.ts";
import { Picture } from "./picture.tsx";
import { t } from "./texts/texts.ts";

/** Up to this many units, or this share of all there were, show "only … left". */
const FEW = 5;
const FEW_SHARE = 0.1;

export function ItemCard({ item }: { item: Item }) {
  const { sku, name } = item;
  const isTimed = item.saleStartsAt !== null || item.saleEndsAt !== null;
  const now = useNow(isTimed);
  const picked = inCart(useStore(cart), sku);
  // What the buyer has already counts towards the limit.
  useStore(orders);
  useStore(attempts);
  const { units, why } = roomFor(item, now, ownedUnits(sku));
  // Its units may come until then.
  const isSoon = phaseOf(item, now) === "before";
  const obstacle = picked >= units ? t.obstacle[why] : null;
  const add = () => {
    if (obstacle !== null) return;
    setQuantity(sku, picked + 1);
    announce(t.nowInCart(isolated(name), picked + 1));
  };
  return (
    <li
      class={`item ${item.available === 0 && !isSoon ? "is-sold-out" : ""}`}
      data-sku={sku}
      data-available={item.available}
    >
      <div class="item-picture">
        <Picture sku={sku} />
        <Ribbon item={item} phase={phaseOf(item, now)} now={now} />
      </div>
      <div class="item-body">
        <h2 class="item-name">
          <bdi>{name}</bdi>
        </h2>
        <p class="item-price">{money(item.price)}</p>
        <Stock item={item} isSoon={isSoon} />
        <button
          type="button"
          class={picked > 0 ? "button add is-picked" : "button add"}
          aria-disabled={obstacle === null ? "false" : "true"}
          onClick={add}
        >
          <span>
            {obstacle ?? t.add}
            <span class="visually-hidden"> {name}</span>
          </span>
          <span class="picked">
            {count(picked)}
            <span class="visually-hidden"> {t.inTheCart}</span>
          </span>
        </button>
        {picked > 0 ? (
          <a class="to-cart" href="#cart">
            {t.toTheCart}
          </a>
        ) : (
          <></>
        )}
      </div>
    </li>
  );
}

function Ribbon({ item, phase, now }: { item: Item; phase: Phase; now: number }) {
  const { saleStartsAt, saleEndsAt } = item;
  const end = phase === "before" ? saleStartsAt : saleEndsAt;
  if (phase === "over") return <p class="ribbon">{t.saleOver}</p>;
  if (end === null) return <></>;
  return (
    <p class={`ribbon ${phase}`} title={dayAndTime(end)}>
      {phase === "before" ? t.opensIn : t.endsIn}{" "}
      <time class="digits" dateTime={end}>
        {countdown(Date.parse(end) - now)}
      </time>
    </p>
  );
}

function Stock({ item, isSoon }: { item: Item; isSoon: boolean }) {
  const { available, name } = item;
  const full = Math.max(item.received, 1);
  const isFew = available <= Math.max(FEW, full * FEW_SHARE);
  const none = isSoon ? t.soon : t.soldOut;
  const text = available === 0 ? none : isFew ? t.onlyLeft(available) : t.left(available);
  return (
    <div class={`stock ${available === 0 ? "none" : isFew ? "few" : ""}`}>
      <p class="stock-text">
        <span aria-hidden="true">{text}</span>
        <small>{item.limitPerCustomer ? t.eachAtMost(item.limitPerCustomer) : ""}</small>
      </p>
      <div
        class="stock-bar"
        role="meter"
        aria-label={t.stockOf(name)}
        aria-valuemin={0}
        aria-valuemax={full}
        aria-valuenow={available}
        aria-valuetext={text}
      >
        <span style={{ width: `${(100 * available) / full}%` }} />
      </div>
    </div>
  );
}
