import type { Mutant } from "./mutant.ts";

/** Deliberate bugs of the stock Worker and of what carries messages. */
export const STOCK_MUTANTS: readonly Mutant[] = [
  {
    name: "a lock is not remembered: a copy takes again",
    file: "src/stock/item.ts",
    from: "return view.lock ? { answer: repeatLock(view.lock) } : lock(view, command);",
    to: "return view.lock && view.lock.state !== 'held' ? { answer: repeatLock(view.lock) } : lock(view, command);",
  },
  {
    name: "a release is done again for each copy",
    file: "src/stock/item.ts",
    from: 'if (lock.state !== "held") return { answer };\n  return {\n    answer,',
    to: 'if (lock.state === "refused") return { answer };\n  return {\n    answer,',
  },
  {
    name: "units are taken without asking whether they are there",
    file: "src/stock/item.ts",
    from: 'if (counters.available < quantity) return refuse("out_of_stock");',
    to: "",
  },
  {
    name: "the last unit is never sold",
    file: "src/stock/item.ts",
    from: "if (counters.available < quantity) return",
    to: "if (counters.available <= quantity) return",
  },
  {
    name: "a release before its lock leaves no tombstone",
    file: "src/stock/item.ts",
    from: "return { answer, change: { counters, lock: tombstone, movement: null } };",
    to: "return tombstone && { answer };",
  },
  {
    name: "a refusal is not recorded",
    file: "src/stock/item.ts",
    from: 'return { answer: { type: "refused", shortage }, change };',
    to: 'return change && { answer: { type: "refused", shortage } };',
  },
  {
    name: "a commit frees the units instead of selling them",
    file: "src/stock/item.ts",
    from: 'counters: move(counters, "held", "sold", lock.quantity),',
    to: 'counters: move(counters, "held", "available", lock.quantity),',
  },
  {
    name: "the limit per customer forgets what is held already",
    file: "src/stock/item.ts",
    from: "customerUnits + quantity > limit",
    to: "quantity > limit",
  },
  {
    name: "a customer's units are not lowered by a release",
    file: "src/stock/stock-item.ts",
    from: 'store.addUnits(customerId, movement === "lock" ? quantity : -quantity);',
    to: 'if (movement === "lock") store.addUnits(customerId, quantity);',
  },
  {
    name: "an adjustment is done again for each copy",
    file: "src/stock/stock-item.ts",
    from: "      if (done) {\n",
    to: "      if (done && delta < 0) {\n",
  },
  {
    name: "an adjustment may take what is held",
    file: "src/stock/item.ts",
    from: "if (available < 0) return undefined;",
    to: "if (available + counters.held < 0) return undefined;",
  },
  {
    name: "movements are not written to the ledger on a release",
    file: "src/stock/stock-item.ts",
    from: "      store.append({ kind: movement, quantity, orderId, at_ms: now_ms }, counters);",
    to: '      if (movement !== "release") store.append({ kind: movement, quantity, orderId, at_ms: now_ms }, counters);',
  },
  {
    name: "compensation is forgotten",
    file: "src/stock/coordinator.ts",
    from: "  await run.ask(refused.flatMap((event) => run.compensation(event)));\n",
    to: "",
  },
  {
    name: "compensation leaves out what did not answer",
    file: "src/stock/coordinator.ts",
    from: '.filter(({ sku }) => !isRefused(this.#answer(sku, "lock", orderId)))',
    to: '.filter(({ sku }) => this.#answer(sku, "lock", orderId)?.type === "locked")',
  },
  {
    name: "an error starts compensation",
    file: "src/stock/coordinator.ts",
    from: "isPlaced(event) && run.isRefused(event)",
    to: 'isPlaced(event) && typeof run.conclude(event, now_ms) === "string"',
  },
  {
    name: "a refusal is told before its releases are acknowledged",
    file: "src/stock/coordinator.ts",
    from: "const owed = this.compensation(event).map(([sku]) => ({ sku }));",
    to: "const owed = this.compensation(event).slice(0, 0).map(([sku]) => ({ sku }));",
  },
  {
    name: "an order counts as locked when one line is",
    file: "src/stock/coordinator.ts",
    from: 'this.#missing(lines, "lock", "locked", orderId) ??',
    to: 'this.#missing(lines.slice(0, 1), "lock", "locked", orderId) ??',
  },
  {
    name: "a cancelled order counts as released when its items do not answer",
    file: "src/stock/coordinator.ts",
    from: 'this.#missing(lines, "release", "released", orderId) ??',
    to: "this.#missing([], 'release', 'released', orderId) ??",
  },
  {
    name: "messages are acknowledged before they are handled",
    file: "src/contract/delivery.ts",
    from: "  const undecided = await handleAll(",
    to: "  for (const { message } of parcels) message.ack();\n  const undecided = await handleAll(",
  },
  {
    name: "outcomes are sent in the background of the ack",
    file: "src/stock/consumer.ts",
    from: "await sendPacked(stockEvents, StockEventSchema, run.outcomes);",
    to: "sendPacked(stockEvents, StockEventSchema, run.outcomes).catch(() => undefined);",
  },
  {
    name: "what is undecided is acknowledged and not sent again",
    file: "src/contract/delivery.ts",
    from: "    if (again.length > 0) await consumer.resend(again, { attempts, delaySeconds });\n",
    to: "",
  },
  {
    name: "a whole message that failed is acknowledged",
    file: "src/contract/delivery.ts",
    from: 'if (isWhole) return retry(queue, parcel, delaySeconds, undecided.get(events[0] as E) ?? "");',
    to: "if (isWhole) return message.ack();",
  },
  {
    name: "dead letters are dropped",
    file: "src/contract/delivery.ts",
    from: "    if (letters.length > 0) await consumer.keep(letters);\n",
    to: "",
  },
  {
    name: "dead letters are acknowledged though D1 does not have them",
    file: "src/orders/dead-letters/consumer.ts",
    from: "    for (const message of batch.messages) message.ack();\n  } catch {",
    to: "  } catch {\n    for (const message of batch.messages) message.ack();",
  },
];
