import { timeOfOrderId } from "../../contract/order-id.ts";
import type { OrderMovement, RequestedMovement } from "./ledger.ts";
import {
  type Change,
  decide,
  type ItemAnswer,
  type ItemCommand,
  type ItemView,
  type Lock,
  type ReturnCommand,
} from "./rules.ts";
import type { ItemState, ItemStore } from "./store.ts";

/**
 * Reads, decides and writes all commands of a call together, in five statements, or a few more if the
 * orders have many lines. Each lock with a limit per customer adds three, and each return some four.
 */
export function applyCommands(
  store: ItemStore,
  sku: string,
  commands: ItemCommand[],
  now_ms: number,
) {
  const before = store.state(sku);
  let state = before;
  const locks = store.locks(commands.map(({ orderId }) => orderId));
  const returns = commands.flatMap((one) => (one.type === "return" ? namesOf(one) : []));
  const applied = store.requests.appliedOf(returns);
  const answers: ItemAnswer[] = [];
  const changed: Lock[] = [];
  const movements: (OrderMovement | RequestedMovement)[] = [];
  for (const command of commands) {
    if (command.type === "lock" && command.limit !== null && !state.countsCustomers) {
      store.saveLocks(changed.splice(0), now_ms);
      store.customers.count();
      state = { ...state, countsCustomers: true };
    }
    const view = { ...viewOf(store, state, command, applied), lock: locks.get(command.orderId) };
    const { answer, change } = decide(view, command);
    answers.push(answer);
    if (answer.type === "breach") state = { ...state, breaches: state.breaches + 1 };
    if (!change) continue;
    const { counters, lock, movement: kind } = change;
    if (lock) {
      locks.set(lock.orderId, lock);
      changed.push(lock);
    }
    state = { ...state, ...counters };
    if (command.type === "return") {
      movements.push(recordReturn(store, command, change, now_ms));
      for (const name of namesOf(command)) applied.add(name);
      if (state.countsCustomers) store.customers.add(command.customerId, -command.quantity);
    } else if (kind !== null && lock) {
      const { orderId, customerId, quantity } = lock;
      movements.push({ kind, quantity, orderId, balance: counters });
      if (kind === "commit" || customerId === null || !state.countsCustomers) continue;
      store.customers.add(customerId, kind === "lock" ? quantity : -quantity);
    }
  }
  store.saveLocks(changed, now_ms);
  store.ledger.append(movements, now_ms);
  const isChanged = hasOtherCounters(before, state);
  const after = { ...state, levelVersion: before.levelVersion + (isChanged ? 1 : 0) };
  const isSaved = state !== before;
  if (isSaved) store.save(after);
  return { answers, before, after, isSaved };
}

function recordReturn(
  store: ItemStore,
  command: ReturnCommand,
  change: Change,
  now_ms: number,
): RequestedMovement {
  store.requests.storeReturn(command, now_ms);
  const { orderId, returnId: operationId, quantity, reason, actor, restock } = command;
  const kind = restock ? "return" : "write_off";
  return { kind, quantity, orderId, operationId, reason, actor, balance: change.counters };
}

function viewOf(
  store: ItemStore,
  state: ItemState,
  command: ItemCommand,
  applied: ReadonlySet<string>,
) {
  const { received, available, held, sold, isPaused } = state;
  const isLimited = command.type === "lock" && command.limit !== null;
  return {
    counters: { received, available, held, sold },
    isPaused,
    returnState: command.type === "return" ? returnStateOf(command, applied, state) : "new",
    isForgotten: timeOfOrderId(command.orderId) < state.watermark_ms,
    customerUnits: isLimited ? store.customers.unitsOf(command.customerId) : 0,
  };
}

/**
 * By which a return is known. D1 that was put back to before it makes a new id for its repeat, so the
 * id alone would take the same goods back twice.
 */
const namesOf = ({ returnId, requestHash }: ReturnCommand): string[] =>
  requestHash === undefined ? [returnId] : [returnId, requestHash];

function returnStateOf(
  command: ReturnCommand,
  applied: ReadonlySet<string>,
  { watermark_ms }: ItemState,
): ItemView["returnState"] {
  if (namesOf(command).some((name) => applied.has(name))) return "applied";
  return timeOfOrderId(command.returnId) < watermark_ms ? "forgotten" : "new";
}

function hasOtherCounters(a: ItemState, b: ItemState): boolean {
  return a.available !== b.available || a.held !== b.held || a.sold !== b.sold;
}
