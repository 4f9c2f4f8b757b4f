import { money } from "../shared/format.ts";
import { useStore } from "../shared/store.ts";
import { ORDERS_HEADING, totalOf, useCart } from "./cart-panel.tsx";
import { orders } from "./orders.ts";
import { t } from "./texts/texts.ts";

/** Where the cart is below the catalogue: the way to it, or with an empty cart to the orders. */
export function CartBar() {
  const states = useCart();
  const all = useStore(orders);
  const units = states.reduce((sum, { line }) => sum + line.quantity, 0);
  if (units > 0) {
    const total = totalOf(states);
    return (
      <a class="cart-bar" href="#cart">
        <span>
          {t.cart} · {t.items(units)}
        </span>
        <span class="digits">{total ? money(total) : ""}</span>
      </a>
    );
  }
  if (all.length === 0) return <></>;
  return (
    <a class="cart-bar is-quiet" href={`#${ORDERS_HEADING}`}>
      <span>{t.yourOrders}</span>
      <span class="digits">{all.length}</span>
    </a>
  );
}
