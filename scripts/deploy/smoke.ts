import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { operatorClient } from "../lib/demo.ts";
import { DeployError } from "./run-wrangler.ts";

/** An item of its own, listed for the seconds of the check alone; the last step archives it. */
const SKU = "LOCKSTOCK-CHECK";
/** A run that dies in the middle leaves it unsold after that. */
const SALE_MS = 300_000;
/** A new address of the platform takes seconds to be known everywhere. */
const ADDRESS_TIMEOUT_MS = 120_000;
/** In which everything settles, whatever was lost. */
const SETTLE_TIMEOUT_MS = 150_000;
const PAUSE_MS = 1_000;

interface Order {
  id: string;
  status: string;
}
interface Level {
  available: number;
  held: number;
}

/**
 * Places an order through the queue, sees it confirmed, cancels it and sees its unit come back. Safe
 * to repeat after a kill at any point: it begins by what the item is found to hold.
 */
export async function smokeOrder(url: string, token: string): Promise<void> {
  await untilReachable(url);
  const call = operatorClient(url, token, fetch);
  const path = `/v1/items/${SKU}`;
  try {
    await call("PUT", path, {
      name: "Deployment check, not for sale",
      price: { amount: 1, currency: "EUR" },
      saleEndsAt: new Date(Date.now() + SALE_MS).toISOString(),
    });
    // The order of a run that was killed may hold a unit until its time to pay ends, if it ever does.
    const { available, held: before } = await levelOf(call);
    if (available < 1) await adjust(call, 1);
    const id = await place(url, token);
    await until(`order ${id} is not confirmed`, async () => {
      const order = (await call("GET", `/v1/orders/${id}`)) as Order;
      if (order.status === "cancelled") throw new DeployError(`The smoke order ${id} was refused.`);
      return order.status === "confirmed";
    });
    await call("POST", `/v1/orders/${id}/cancel`, {});
    await until(`the unit of order ${id} has not come back`, async () => {
      return (await levelOf(call)).held <= before;
    });
    await adjust(call, -(await levelOf(call)).available);
  } catch (error) {
    if (error instanceof DeployError) throw error;
    throw new DeployError(explained(error));
  } finally {
    await call("DELETE", path).catch(() => {}); // its sale ends by itself
  }
}

type Call = ReturnType<typeof operatorClient>;

const levelOf = async (call: Call): Promise<Level> =>
  (await call("GET", `/v1/items/${SKU}/stock`)) as Level;

async function adjust(call: Call, delta: number): Promise<void> {
  if (delta === 0) return;
  const body = { delta, reason: "deployment check" };
  await call("POST", `/v1/items/${SKU}/stock`, body, randomUUID());
}

async function place(url: string, token: string): Promise<string> {
  const call = operatorClient(url, token, fetch);
  // The read model follows the stock within seconds; an order before that is refused as sold out.
  for (const deadline_ms = Date.now() + SETTLE_TIMEOUT_MS; ; await sleep(PAUSE_MS)) {
    const lines = [{ sku: SKU, quantity: 1 }];
    const body = { customerId: "deployment-check", lines };
    try {
      return ((await call("POST", "/v1/orders", body, randomUUID())) as Order).id;
    } catch (error) {
      if (!String(error).includes("answered 409") || Date.now() > deadline_ms) throw error;
    }
  }
}

async function until(problem: string, isDone: () => Promise<boolean>): Promise<void> {
  const deadline_ms = Date.now() + SETTLE_TIMEOUT_MS;
  while (!(await isDone())) {
    if (Date.now() > deadline_ms) {
      throw new DeployError(
        `After ${SETTLE_TIMEOUT_MS / 1000} s ${problem}: do the queues reach both Workers? \`npm run doctor\` looks further.`,
      );
    }
    await sleep(PAUSE_MS);
  }
}

async function untilReachable(url: string): Promise<void> {
  const deadline_ms = Date.now() + ADDRESS_TIMEOUT_MS;
  for (;;) {
    const signal = AbortSignal.timeout(10_000);
    const response = await fetch(new URL("/healthz", url), { signal }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    if (Date.now() > deadline_ms) {
      throw new DeployError(
        `${url} does not answer${response ? ` but with ${response.status}` : ""}: repeat in a minute if the address is new, or name yours with --url.`,
      );
    }
    await sleep(PAUSE_MS);
  }
}

function explained(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/answered 40[13]/.test(text)) {
    return "The operator's token is not accepted: the secret was changed elsewhere. Copy the folder .deploy from there, or make a new secret with --rotate.";
  }
  return `The smoke order failed: ${text}.`;
}
