import type { Mutant } from "./mutant.ts";

/** Deliberate bugs of payments, late money and returns. */
export const MONEY_MUTANTS: readonly Mutant[] = [
  {
    name: "a payment of any amount pays",
    file: "src/orders/order/payments.sql.ts",
    from: "WHEN ?3 <> ${AMOUNT_DUE} OR ?4 <> t.currency THEN 'amount'",
    to: "WHEN ?4 <> t.currency THEN 'amount'",
  },
  {
    name: "a second payment is applied too",
    file: "src/orders/order/payments.sql.ts",
    from: "WHEN t.status = 'paid' AND ${HAS_APPLIED} THEN 'already_paid'",
    to: "WHEN 0 THEN 'already_paid'",
  },
  {
    name: "a payment that is recorded does not pay its order",
    file: "src/orders/payments/record-payment.ts",
    from: '...transition(db, "pay", [{ id: orderId }], { policy, now_ms }, { actor, alsoIf }),',
    to: '...transition(db, "pay", [], { policy, now_ms }, { actor, alsoIf }),',
  },
  {
    name: "any payment of an order pays it",
    file: "src/orders/order/payments.sql.ts",
    from: "export const IS_PAID_BY_PAYMENT = `EXISTS (SELECT 1 FROM payments\n  WHERE payments.state = 'applied' AND",
    to: "export const IS_PAID_BY_PAYMENT = `EXISTS (SELECT 1 FROM payments\n  WHERE",
  },
  {
    name: "a payment that waits does not pay the order that is confirmed",
    file: "src/orders/outcomes/settle.ts",
    from: '...transition(db, "confirm", locked, clock), ...payWaiting(db, locked, clock)',
    to: '...transition(db, "confirm", locked, clock), ...payWaiting(db, [], clock)',
  },
  {
    name: "the payments of decided orders are not judged",
    file: "src/orders/outcomes/settle.ts",
    from: "if (decided.length > 0) statements.push(judgeWaiting(db, decided, clock.now_ms));",
    to: "if (decided.length > 9) statements.push(judgeWaiting(db, decided, clock.now_ms));",
  },
  {
    name: "all payments that wait are applied",
    file: "src/orders/order/payments.sql.ts",
    from: "OR row_number() OVER (PARTITION BY t.id ORDER BY payments.id) > 1 THEN 'already_paid'",
    to: "THEN 'already_paid'",
  },
  {
    name: "the payment of an order that is cancelled goes on waiting",
    file: "src/orders/change/change-order.ts",
    from: "judgeWaiting(env.DB, [id], now_ms),",
    to: "judgeWaiting(env.DB, [], now_ms),",
  },
  {
    name: "the payment of an order that is given up goes on waiting",
    file: "src/orders/reconcile/reconcile.ts",
    from: "judgeWaiting(db, ids, now_ms),",
    to: "judgeWaiting(db, [], now_ms),",
  },
  {
    name: "late money places nothing",
    file: "src/orders/payments/record-payment.ts",
    from: 'mayReorder: policy.latePayment === "reorder"',
    to: "mayReorder: false",
  },
  {
    name: "late money places an order although the customer has ordered again",
    file: "src/orders/order/payments.sql.ts",
    from: "WHERE later.customer_id = t.customer_id AND later.id > t.id",
    to: "WHERE later.customer_id = t.customer_id AND later.id > t.id AND 0",
  },
  {
    name: "late money is recorded, and its successor is not placed",
    file: "src/orders/payments/record-payment.ts",
    from: "const successor = { id: successorId, of: orderId,",
    to: "const successor = { id: successorId, of: successorId,",
  },
  {
    name: "money for a cancelled order places it again, whatever ended it",
    file: "src/orders/order/payments.sql.ts",
    from: "?8 AND t.id = ?2 AND t.reason = 'payment_timeout'",
    to: "?8 AND t.id = ?2",
  },
  {
    name: "an applied payment may be refunded",
    file: "src/orders/order/payments.sql.ts",
    from: "WHERE reference = ?1 AND state = 'unmatched'",
    to: "WHERE reference = ?1 AND state <> 'waiting'",
  },
  {
    name: "a return may name more than was sold",
    file: "src/orders/order/returns.sql.ts",
    from: "AND NOT ${EXCEEDS}",
    to: "",
  },
  {
    name: "earlier returns do not count",
    file: "src/orders/order/returns.sql.ts",
    from: "coalesce((SELECT t.value FROM json_each(o.returned) AS t WHERE t.key = r.value->>'sku'), 0)",
    to: "0",
  },
  {
    name: "a repeated return is added to the order again",
    file: "src/orders/returns/record-return.ts",
    from: "addReturned(db, { id, orderId }, now_ms),",
    to: "addReturned(db, { id, orderId }, now_ms), addReturned(db, { id, orderId }, now_ms),",
  },
  {
    name: "returns are not sent to their items",
    file: "src/orders/reconcile/reconcile.ts",
    from: "isAnswered = await sendReturns(returns, ports);",
    to: "isAnswered = await sendReturns([], ports);",
  },
  {
    name: "a return counts as applied when it is sent",
    file: "src/orders/order/returns.sql.ts",
    from: "due_at = CAST(?1 + min(60000, 5000 << min(attempts, 4)) * ?3 AS INTEGER)",
    to: "due_at = NULL",
  },
  {
    name: "nobody is woken for a return",
    file: "src/orders/order/order-queries.sql.ts",
    from: "UNION ALL SELECT min(due_at) FROM returns WHERE due_at IS NOT NULL)",
    to: "UNION ALL SELECT NULL)",
    also: [
      {
        file: "src/orders/reconcile/reconcile.ts",
        from: "for (let claims = 0; isAnswered && claims < MAX_CLAIMS; claims++) {\n    const returns",
        to: "for (let claims = 0; isAnswered && claims < 0; claims++) {\n    const returns",
      },
    ],
  },
  {
    name: "the item books a return for each copy",
    file: "src/stock/item/apply-commands.ts",
    from: 'if (namesOf(command).some((name) => applied.has(name))) return "applied";',
    to: "void applied;",
    also: [
      {
        file: "src/stock/item/requests.ts",
        from: "INSERT INTO returns",
        to: "REPLACE INTO returns",
      },
    ],
  },
  {
    name: "what is written off can be sold again",
    file: "src/stock/item/rules.ts",
    from: "counters: restock\n",
    to: "counters: restock || true\n",
  },
  {
    name: "returned units still count for the limit",
    file: "src/stock/item/apply-commands.ts",
    from: "store.customers.add(command.customerId, -command.quantity);",
    to: "store.customers.add(command.customerId, 0);",
  },
  {
    name: "a return does not wait for its commit",
    file: "src/stock/item/rules.ts",
    from: 'if (lock?.state === "held") {\n    return { answer: { type: "too_early"',
    to: 'if (lock?.state === "held" && quantity < 0) {\n    return { answer: { type: "too_early"',
    also: [
      {
        file: "src/orders/reconcile/reconcile.ts",
        from: "if (!(await sendAll(commits, ports))) return false;",
        to: "void commits;",
      },
    ],
  },
  {
    name: "the comparison expects what came back",
    file: "src/orders/operators/difference.ts",
    from: "const quantity = ordered - (returned?.[sku] ?? 0);",
    to: "void returned;\n  const quantity = ordered;",
  },
];
