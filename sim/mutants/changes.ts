import type { Mutant } from "./mutant.ts";

/** Deliberate bugs of the changes, which a reader follows. */
export const CHANGES_MUTANTS: readonly Mutant[] = [
  {
    name: "the steps of stock's outcomes are not listed",
    file: "src/orders/outcomes/settle.ts",
    from: "...listChanges(db, policy, touched, clock.now_ms),",
    to: "...listChanges(db, policy, {}, clock.now_ms),",
  },
  {
    name: "expiry is silent",
    file: "src/orders/reconcile/reconcile.ts",
    from: "...listChanges(db, policy, { orders: ids, paid: ids }, now_ms),\n    selectPresent(db, ids),",
    to: "...listChanges(db, policy, { orders: [], paid: ids }, now_ms),\n    selectPresent(db, ids),",
  },
  {
    name: "the money of an order that is cancelled is not listed",
    file: "src/orders/change/change-order.ts",
    from: "{ orders: [id], paid: [id] }",
    to: "{ orders: [id] }",
  },
  {
    name: "the successor of an order is not listed",
    file: "src/orders/payments/record-payment.ts",
    from: "...listChanges(db, policy, { orders: ids, references: [reference] }, now_ms),",
    to: "...listChanges(db, policy, { orders: [orderId], references: [reference] }, now_ms),",
  },
  {
    name: "more time to pay is not listed",
    file: "src/orders/change/extend-order.ts",
    from: "...listChanges(env.DB, policyOf(env), { orders: [id] }, now_ms),",
    to: "...listChanges(env.DB, policyOf(env), { orders: [] }, now_ms),",
  },
  {
    name: "a return is not listed",
    file: "src/orders/returns/record-return.ts",
    from: "...listChanges(db, policyOf(env), { orders: [orderId] }, now_ms),",
    to: "...listChanges(db, policyOf(env), { orders: [] }, now_ms),",
  },
  {
    name: "of two steps at once only the second is listed",
    file: "src/orders/order/changes.sql.ts",
    from: "changed_from = iif(changed_in IS ${NEXT_CHANGE}, changed_from, revision),",
    to: "changed_from = revision,",
  },
  {
    name: "a repeat of an order's placing is listed again",
    file: "src/orders/order/changes.sql.ts",
    from: "WHERE o.changed_in = ${NEXT_CHANGE} AND h.value->>'revision' > o.changed_from",
    to: "WHERE h.value->>'revision' > o.changed_from",
  },
  {
    name: "all earlier steps are listed again",
    file: "src/orders/order/changes.sql.ts",
    from: "WHERE o.changed_in = ${NEXT_CHANGE} AND h.value->>'revision' > o.changed_from",
    to: "WHERE o.changed_in = ${NEXT_CHANGE}",
  },
  {
    name: "every level counts as sold out or back",
    file: "src/orders/items/items.sql.ts",
    from: 'iif((items.available = 0) IS (${FOLLOWED("available")} = 0), items.changed_in, ${NEXT_CHANGE})',
    to: "${NEXT_CHANGE}",
  },
  {
    name: "a page that ends within a row goes on after the row",
    file: "src/orders/changes/change-queries.sql.ts",
    from: "index: is_last === 1 ? null : change_index + 1",
    to: "index: null",
  },
  {
    name: "a page begins with the last change of the one before",
    file: "src/orders/changes/change-queries.sql.ts",
    from: "index: is_last === 1 ? null : change_index + 1",
    to: "index: change_index",
  },
  {
    name: "a reader that waits is given the cursor of the newest row",
    file: "src/orders/changes/change-queries.sql.ts",
    from: "next: changes.at(-1)?.position ?? { row, index }",
    to: "next: { row: newest ?? 0, index: null }",
  },
];
