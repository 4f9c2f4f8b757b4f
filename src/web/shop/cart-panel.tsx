import { useRef } from "preact/hooks";
import type { Item } from "../../../packages/client/src/index.ts";
import { count, money, plural } from "../shared/format.ts";
import { useStore } from "../shared/store.ts";
import { cart, type CartLine, MAX_QUANTITY, setQuantity } from "./cart.ts";
import { items } from "./catalogue.ts";
import { challenge, CHALLENGE_HEADING } from "./challenge.ts";
import { orderCart, placingNote } from "./placing.ts";

export const ORDERS_HEADING = "your-orders";

/** Null while the catalogue or an item of the cart is unknown, and for mixed currencies. */
export function totalOf(lines: readonly CartLine[], all: readonly Item[] | null) {
  const prices = lines.flatMap(({ sku, quantity }) => {
    const price = all?.find((item) => item.sku === sku)?.price;
    return price ? [{ ...price, amount: price.amount * quantity }] : [];
  });
  const currency = prices[0]?.currency;
  const isWhole = prices.length === lines.length && prices.every((p) => p.currency === currency);
  if (currency === undefined || !isWhole) return null;
  return { currency, amount: prices.reduce((sum, { amount }) => sum + amount, 0) };
}

export function CartPanel() {
  const lines = useStore(cart);
  const all = useStore(items);
  const note = useStore(placingNote);
  const heading = useRef<HTMLHeadingElement>(null);
  const total = totalOf(lines, all);
  const order = () => {
    // The button disappears with the cart, so the focus moves to the new order's place, or to what
    // the order waits for.
    if (challenge.get()) document.getElementById(CHALLENGE_HEADING)?.focus();
    else document.getElementById(ORDERS_HEADING)?.focus({ preventScroll: innerWidth > 900 });
    void orderCart();
  };
  return (
    <section class="panel cart" aria-labelledby="cart">
      <h2 id="cart" ref={heading} tabindex={-1}>
        Cart
      </h2>
      <div aria-live="polite">
        {note ? <p class={note.isRefusal ? "notice bad" : "notice"}>{note.text}</p> : <></>}
      </div>
      {lines.length === 0 ? (
        <p class="hint">Nothing picked yet. What you add stays here, also after a reload.</p>
      ) : (
        <>
          <ul class="cart-lines">
            {lines.map((line) => (
              <Line
                key={line.sku}
                line={line}
                item={all?.find(({ sku }) => sku === line.sku)}
                onGone={() => heading.current?.focus()}
              />
            ))}
          </ul>
          <button type="button" class="button primary order" onClick={order}>
            <span>Order now</span>
            <span class="digits">{total ? money(total) : ""}</span>
          </button>
          <p class="hint">One click orders. You see here at once whether it is yours.</p>
        </>
      )}
    </section>
  );
}

interface LineProps {
  line: CartLine;
  item: Item | undefined;
  onGone: () => void;
}

function Line({ line: { sku, quantity }, item, onGone }: LineProps) {
  const name = item?.name ?? sku;
  const most = Math.min(item?.limitPerCustomer ?? MAX_QUANTITY, MAX_QUANTITY);
  const isShort = item !== undefined && item.available < quantity;
  const change = (to: number) => {
    if (to > most) return;
    setQuantity(sku, to);
    if (to === 0) onGone();
  };
  return (
    <li class="cart-line">
      <span class="cart-name">
        {name}
        {isShort ? (
          <small class="warn">
            {item.available === 0 ? "Sold out" : `Only ${count(item.available)} left`}
          </small>
        ) : (
          <></>
        )}
      </span>
      <span class="stepper" role="group" aria-label={`Quantity of ${name}`}>
        <button type="button" aria-label={`One less: ${name}`} onClick={() => change(quantity - 1)}>
          −
        </button>
        <output class="digits" aria-label={plural(quantity, "unit")}>
          {count(quantity)}
        </output>
        <button
          type="button"
          aria-label={`One more: ${name}`}
          aria-disabled={quantity >= most ? "true" : "false"}
          onClick={() => change(quantity + 1)}
        >
          +
        </button>
      </span>
      <span class="cart-price digits">
        {item ? money({ ...item.price, amount: item.price.amount * quantity }) : ""}
      </span>
    </li>
  );
}
