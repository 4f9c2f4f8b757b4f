import type { Mutant } from "./mutant.ts";

/** A database that is put back, and what is rebuilt of it. */
export const DISASTER_MUTANTS: readonly Mutant[] = [
  {
    name: "a database that was put back is not noticed",
    file: "src/orders/reconcile/heartbeat.ts",
    from: "if (service.beat < own) return this.#freezePutBack(db, service.beatAt_ms, now_ms);",
    to: "",
    also: [
      {
        from: "if (before < own) return this.#freezePutBack(db, service.beatAt_ms, now_ms);",
        to: "",
      },
    ],
  },
  {
    name: "units that are sold do not say that an order was paid",
    file: "src/orders/recover/decide-recovery.ts",
    from: 'if (found.some((one) => one?.state === "sold")) return { type: "pay" };',
    to: "",
  },
  {
    name: "units that are all held do not say that an order was confirmed",
    file: "src/orders/recover/decide-recovery.ts",
    from: 'return isHeld && before !== "confirmed" ? { type: "confirm" } : { type: "left" };',
    to: 'void isHeld;\n  return { type: "left" };',
  },
  {
    name: "a refusal or a release does not say that an order ended",
    file: "src/orders/recover/decide-recovery.ts",
    from: "if (ended.length > 0) return cancellation(skus, decisions);",
    to: "void cancellation;",
  },
  {
    name: "the keys of rebuilt orders are forgotten",
    file: "src/orders/recover/apply-recovery.ts",
    from: "    bindRebuiltKeys(db, json),\n",
    to: "",
  },
  {
    name: "rebuilt orders begin at the first revision",
    file: "src/orders/recover/apply-recovery.ts",
    from: "    skipRevisions(db, ids, { ...clock, actor }),\n",
    to: "",
  },
  {
    name: "unfinished orders of the restored database are not visited",
    file: "src/orders/recover/recover.ts",
    from: 'if (sku === undefined) return { phase: "orders", after: "" };',
    to: "if (sku === undefined) return null;",
  },
  {
    name: "items keep nothing to rebuild an order from",
    file: "src/orders/order/order.ts",
    from: '    ...(awaits !== "commit" && { origin: originOf(order) }),\n',
    to: "",
  },
  {
    name: "an item that has got stock is not in the index",
    file: "src/stock/item/stock-item.ts",
    from: "    await this.#list(sku);\n    const now_ms",
    to: "    const now_ms",
    also: [{ from: 'if (sku !== "") await this.#list(sku);', to: "" }],
  },
  {
    name: "an item that went back is not followed",
    file: "src/orders/items/put-back.sql.ts",
    from: "(${IS_BEHIND} AND items.behind_at IS NOT NULL AND l.at > items.behind_at + ${LATER_MS})",
    to: "(${IS_BEHIND} AND 0)",
  },
  {
    name: "an item that has made up for the versions it lost did not go back",
    file: "src/orders/items/put-back.sql.ts",
    from: "coalesce(l.from_version < items.incarnation_version AND l.incarnation <> items.incarnation, 0)",
    to: "0",
  },
  {
    name: "an item that has begun again went back",
    file: "src/orders/items/put-back.sql.ts",
    from: "coalesce(l.from_version < items.incarnation_version AND l.incarnation <> items.incarnation, 0)",
    to: "coalesce(l.incarnation <> items.incarnation, 0)",
  },
  {
    name: "an item that went back goes on selling",
    file: "src/orders/reconcile/pause-put-back.ts",
    from: "const skus = await unpausedPutBack(env.DB);",
    to: "const skus = (await unpausedPutBack(env.DB)).slice(0, 0);",
  },
  {
    name: "the repair takes no units again",
    file: "src/orders/operators/repair.ts",
    from: "for (const id of await relock(env, sku, locks)) locked.add(`${sku} ${id}`);",
    to: "void [relock, locks];",
  },
];
