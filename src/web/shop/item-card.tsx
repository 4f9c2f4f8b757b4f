import type { Item } from "../../../packages/client/src/index.ts";
import { announce } from "../shared/announce.tsx";
import { count, countdown, dayAndTime, money } from "../shared/format.ts";
import { useStore } from "../shared/store.ts";
import { useNow } from "../shared/use-now.ts";
import { cart, inCart, MAX_QUANTITY, setQuantity } from "./cart.ts";
import { Picture } from "./picture.tsx";

/** Up to this many units, or this share of all there were, show "only … left". */
const FEW = 5;
const FEW_SHARE = 0.1;

type Phase = "before" | "open" | "over";

export function phaseOf({ saleStartsAt, saleEndsAt }: Item, now: number): Phase {
  if (saleStartsAt !== null && now < Date.parse(saleStartsAt)) return "before";
  return saleEndsAt !== null && now >= Date.parse(saleEndsAt) ? "over" : "open";
}

/** The limit that one more unit would exceed; null: none. */
function obstacleOf(item: Item, phase: Phase, picked: number): string | null {
  if (phase === "before") return "Not open yet";
  if (phase === "over") return "Sale is over";
  if (item.paused) return "Paused";
  if (item.available === 0) return "Sold out";
  if (picked >= (item.limitPerCustomer ?? MAX_QUANTITY)) return "Limit reached";
  return picked >= item.available ? "No more left" : null;
}

export function ItemCard({ item }: { item: Item }) {
  const isTimed = item.saleStartsAt !== null || item.saleEndsAt !== null;
  const now = useNow(isTimed);
  const phase = phaseOf(item, now);
  const picked = inCart(useStore(cart), item.sku);
  const obstacle = obstacleOf(item, phase, picked);
  const add = () => {
    if (obstacle !== null) return;
    setQuantity(item.sku, picked + 1);
    announce(`${item.name}: ${picked + 1} in the cart.`);
  };
  return (
    <li
      class={`item ${item.available === 0 ? "is-sold-out" : ""}`}
      data-sku={item.sku}
      data-available={item.available}
    >
      <div class="item-picture">
        <Picture sku={item.sku} />
        <Ribbon item={item} phase={phase} now={now} />
      </div>
      <div class="item-body">
        <h3 class="item-name">{item.name}</h3>
        <p class="item-price">{money(item.price)}</p>
        <Stock item={item} />
        <button
          type="button"
          class={picked > 0 ? "button add is-picked" : "button add"}
          aria-disabled={obstacle === null ? "false" : "true"}
          onClick={add}
        >
          <span>
            {obstacle ?? "Add to cart"}
            <span class="visually-hidden"> {item.name}</span>
          </span>
          <span class="picked">
            {count(picked)}
            <span class="visually-hidden"> in the cart</span>
          </span>
        </button>
      </div>
    </li>
  );
}

function Ribbon({ item, phase, now }: { item: Item; phase: Phase; now: number }) {
  const { saleStartsAt, saleEndsAt } = item;
  const end = phase === "before" ? saleStartsAt : saleEndsAt;
  if (phase === "over") return <p class="ribbon">Sale over</p>;
  if (end === null) return <></>;
  return (
    <p class={`ribbon ${phase}`} title={dayAndTime(end)}>
      {phase === "before" ? "Opens in " : "Ends in "}
      <time class="digits" dateTime={end}>
        {countdown(Date.parse(end) - now)}
      </time>
    </p>
  );
}

function Stock({ item }: { item: Item }) {
  const { available, name } = item;
  const full = Math.max(item.received, 1);
  const isFew = available <= Math.max(FEW, full * FEW_SHARE);
  const text = available === 0 ? "Sold out" : `${isFew ? "Only " : ""}${count(available)} left`;
  return (
    <div class={`stock ${available === 0 ? "none" : isFew ? "few" : ""}`}>
      <p class="stock-text">
        <span aria-hidden="true">{text}</span>
        <small>{item.limitPerCustomer ? `max. ${count(item.limitPerCustomer)} each` : ""}</small>
      </p>
      <div
        class="stock-bar"
        role="meter"
        aria-label={`Stock of ${name}`}
        aria-valuemin="0"
        aria-valuemax={full}
        aria-valuenow={available}
        aria-valuetext={text}
      >
        <span style={{ width: `${(100 * available) / full}%` }} />
      </div>
    </div>
  );
}
