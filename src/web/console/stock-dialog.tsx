import { useRef } from "preact/hooks";
import { announce } from "../shared/announce.tsx";
import { ok } from "../shared/api.ts";
import { confirmed, Dialog } from "../shared/dialog.tsx";
import { count, plural } from "../shared/format.ts";
import { Field, Form, textOf } from "./form.tsx";
import type { StockedItem } from "./items.ts";
import { client } from "./session.ts";

const MAX_DELTA = 1_000_000_000;

interface StockDialogProps {
  item: StockedItem;
  /** Either receives units, or corrects the available units up or down. */
  kind: "restock" | "adjust";
  onClose: () => void;
  onDone: () => void;
}

export function StockDialog({ item, kind, onClose, onDone }: StockDialogProps) {
  const { sku, name, level } = item;
  // A repeat after a lost response has to send the same key.
  const operation = useRef({ change: "", key: "" });
  const submit = async (data: FormData) => {
    const delta = Number(textOf(data, "delta"));
    const json = { delta, reason: textOf(data, "reason") };
    if (delta < 0 && !(await isTakingWanted(name, delta))) return;
    if (isUnusual(delta, level) && !(await isReceivingWanted(item, delta))) return;
    const change = JSON.stringify(json);
    const last = operation.current;
    const key = last?.change === change ? last.key : crypto.randomUUID();
    operation.current = { change, key };
    const header = { "idempotency-key": key };
    const after = await ok(client.v1.items[":sku"].stock.$post({ param: { sku }, json, header }));
    announce(`${name}: ${plural(after.available, "unit")} available.`);
    onDone();
  };
  const isRestock = kind === "restock";
  return (
    <Dialog title={`${isRestock ? "Restock" : "Adjust"} ${name}`} onClose={onClose}>
      <p class="hint">{count(level.available)} available now.</p>
      <Form action={isRestock ? "Receive" : "Adjust"} onSubmit={submit} onCancel={onClose}>
        <Field
          label={isRestock ? "Units received" : "Change"}
          hint={isRestock ? "" : "negative takes units away"}
          name="delta"
          type="number"
          step="1"
          min={isRestock ? 1 : -MAX_DELTA}
          max={MAX_DELTA}
          required
          autofocus
        />
        <Field label="Reason" hint="goes into the ledger" name="reason" required />
      </Form>
    </Dialog>
  );
}

/** An item that has had units seldom gets many times as many: rather it is a slip of the hand. */
const USUAL_TIMES = 3;
const USUAL_UNITS = 100;
const USUAL_FIRST_UNITS = 10_000;

const isUnusual = (delta: number, { received }: StockedItem["level"]): boolean =>
  delta > (received === 0 ? USUAL_FIRST_UNITS : Math.max(USUAL_UNITS, USUAL_TIMES * received));

const isReceivingWanted = ({ name, level }: StockedItem, delta: number): Promise<boolean> =>
  confirmed({
    title: `Are there really ${count(delta)} units?`,
    text: `${name} has had ${plural(level.received, "unit")} so far. What is added is for sale at once, and orders for it are promises.`,
    action: `Add ${count(delta)}`,
    keep: "Check again",
  });

const isTakingWanted = (name: string, delta: number): Promise<boolean> =>
  confirmed({
    title: "Take units away?",
    text: `${plural(-delta, "unit")} of ${name} will no longer be for sale.`,
    action: "Take away",
  });
