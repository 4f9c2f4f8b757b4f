import { useRef } from "preact/hooks";
import { count, money } from "../shared/format.ts";
import { useStore } from "../shared/store.ts";
import { useNow } from "../shared/use-now.ts";
import { attempts } from "./attempts.ts";
import { type CartState, cartStates } from "./availability.ts";
import { cart, MAX_QUANTITY, setQuantity } from "./cart.ts";
import { items, isWhole } from "./catalogue.ts";
import { challenge, CHALLENGE_HEADING } from "./challenge.ts";
import { orders } from "./orders.ts";
import { orderCart, placingNote } from "./placing.ts";
import { t } from "./texts/texts.ts";

export const ORDERS_HEADING = "your-orders";

/** The cart with what of it can be ordered now. */
export function useCart(): CartState[] {
  const lines = useStore(cart);
  const catalogue = { items: useStore(items), isWhole: useStore(isWhole) };
  // What the buyer has already counts towards the limits.
  useStore(orders);
  useStore(attempts);
  const isTimed = catalogue.items?.some(
    ({ sku, saleStartsAt, saleEndsAt }) =>
      (saleStartsAt ?? saleEndsAt) !== null && lines.some((line) => line.sku === sku),
  );
  return cartStates(lines, catalogue, useNow(isTimed ?? false));
}

/** Of what can be ordered. Null while the price of an item is unknown, and for mixed currencies. */
export function totalOf(states: readonly CartState[]) {
  const ordered = states.filter(({ units }) => units > 0);
  const prices = ordered.flatMap(({ item, units }) =>
    item ? [{ ...item.price, amount: item.price.amount * units }] : [],
  );
  const currency = prices[0]?.currency;
  const isWholePrice =
    prices.length === ordered.length && prices.every((p) => p.currency === currency);
  if (currency === undefined || !isWholePrice) return null;
  return { currency, amount: prices.reduce((sum, { amount }) => sum + amount, 0) };
}

export function CartPanel() {
  const states = useCart();
  const note = useStore(placingNote);
  const heading = useRef<HTMLHeadingElement>(null);
  const total = totalOf(states);
  const isOrderable = states.some(({ units }) => units > 0);
  const order = () => {
    if (!isOrderable) return;
    // The button disappears with the cart, so the focus moves to the new order's place, or to what
    // the order waits for.
    if (challenge.get()) document.getElementById(CHALLENGE_HEADING)?.focus();
    else document.getElementById(ORDERS_HEADING)?.focus({ preventScroll: innerWidth > 900 });
    void orderCart();
  };
  return (
    <section class="panel cart" aria-labelledby="cart">
      <h2 id="cart" ref={heading} tabindex={-1}>
        {t.cart}
      </h2>
      <div aria-live="polite">
        {note ? <p class={note.isRefusal ? "notice bad" : "notice"}>{note.text}</p> : <></>}
      </div>
      {states.length === 0 ? (
        <p class="hint">{t.nothingPicked}</p>
      ) : (
        <>
          <ul class="cart-lines">
            {states.map((state) => (
              <Line key={state.line.sku} state={state} onGone={() => heading.current?.focus()} />
            ))}
          </ul>
          <button
            type="button"
            class="button primary order"
            aria-disabled={isOrderable ? "false" : "true"}
            onClick={order}
          >
            <span>{isOrderable ? t.orderNow : t.nothingToOrder}</span>
            <span class="digits">{total ? money(total) : ""}</span>
          </button>
          <p class="hint">{t.oneClick}</p>
        </>
      )}
    </section>
  );
}

interface LineProps {
  state: CartState;
  onGone: () => void;
}

function Line({ state: { line, item, why, units }, onGone }: LineProps) {
  const { sku, quantity } = line;
  const name = item?.name ?? sku;
  const change = (to: number) => {
    setQuantity(sku, to);
    if (to === 0) onGone();
  };
  return (
    <li class={units === 0 ? "cart-line is-out" : "cart-line"} data-sku={sku}>
      <span class="cart-name">
        <bdi>{name}</bdi>
        <Why why={why} units={units} />
      </span>
      {units === 0 ? (
        <button
          type="button"
          class="button small quiet"
          aria-label={t.removeItem(name)}
          onClick={() => change(0)}
        >
          {t.remove}
        </button>
      ) : (
        <Stepper
          name={name}
          quantity={quantity}
          isFull={isFull(item, quantity)}
          onChange={change}
        />
      )}
      <span class="cart-price digits">
        {item && units > 0 ? money({ ...item.price, amount: item.price.amount * units }) : ""}
      </span>
    </li>
  );
}

const isFull = (item: CartState["item"], quantity: number): boolean =>
  quantity >= Math.min(item?.limitPerCustomer ?? MAX_QUANTITY, MAX_QUANTITY);

/** What holds the line back. */
function Why({ why, units }: Pick<CartState, "why" | "units">) {
  if (why === null) return <></>;
  const text = why === "left" || why === "limit" ? t.onlyOrdered[why](units) : t.notOrdered[why];
  return <small class="warn">{text}</small>;
}

interface StepperProps {
  name: string;
  quantity: number;
  isFull: boolean;
  onChange: (to: number) => void;
}

function Stepper({ name, quantity, isFull: isAtLimit, onChange }: StepperProps) {
  return (
    <span class="stepper" role="group" aria-label={t.quantityOf(name)}>
      <button type="button" aria-label={t.oneLess(name)} onClick={() => onChange(quantity - 1)}>
        −
      </button>
      <output class="digits" aria-label={t.units(quantity)}>
        {count(quantity)}
      </output>
      <button
        type="button"
        aria-label={t.oneMore(name)}
        aria-disabled={isAtLimit ? "true" : "false"}
        onClick={() => isAtLimit || onChange(quantity + 1)}
      >
        +
      </button>
    </span>
  );
}
