import { useRef, useState } from "preact/hooks";
import { ok } from "../shared/api.ts";
import { Dialog } from "../shared/dialog.tsx";
import { LockstockProblem } from "../shared/problem.ts";
import { Field, Form, textOf } from "./form.tsx";
import { changesBetween, editsOf, itemOf, textsOf, unitsOf } from "./item-form.ts";
import type { StockedItem } from "./items.ts";
import { client } from "./session.ts";

interface ItemDialogProps {
  /** Null for a new item. */
  item: StockedItem | null;
  onClose: () => void;
  onDone: () => void;
}

export function ItemDialog({ item, onClose, onDone }: ItemDialogProps) {
  // The form goes on showing what the operator saw first: edits are what differs from that.
  const [shown] = useState(() => textsOf(item));
  const [latest, setLatest] = useState(item);
  /** A new item that is there already, after a failure in between. */
  const begun = useRef<{ sku: string | null }>({ sku: null });
  const submit = async (data: FormData) => {
    if (latest === null) await create(data, begun.current);
    else {
      const { sku, etag } = latest;
      const json = editsOf(data, shown);
      const header = { "if-match": etag };
      const written = ok(client.v1.items[":sku"].$patch({ param: { sku }, header, json }));
      await written.catch((error: unknown) => {
        throw conflictOf(error, latest, setLatest);
      });
    }
    onDone();
  };
  return (
    <Dialog title={item ? `Edit ${item.name}` : "New item"} onClose={onClose}>
      <Form action={item ? "Save" : "Create"} onSubmit={submit} onCancel={onClose}>
        {item ? (
          <></>
        ) : (
          <Field
            label="SKU"
            hint="letters, digits, . _ -"
            name="sku"
            pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,63}"
            required
            autofocus
          />
        )}
        <Field label="Name" name="name" initial={shown.name} required />
        <div class="fields">
          <Field
            label="Price"
            name="price"
            type="number"
            min={0}
            step="any"
            initial={shown.price}
            required
          />
          <Field
            label="Currency"
            name="currency"
            pattern="[A-Z]{3}"
            initial={shown.currency}
            required
          />
        </div>
        <div class="fields">
          <Field
            label="Limit per customer"
            hint="empty: none"
            name="limit"
            type="number"
            min={1}
            step="1"
            initial={shown.limit}
          />
          <label class="field">
            <span>Status</span>
            <select name="status">
              <option value="listed" selected={shown.status !== "draft"}>
                Listed
              </option>
              <option value="draft" selected={shown.status === "draft"}>
                Draft
              </option>
            </select>
          </label>
        </div>
        <Field
          label="Minutes to pay"
          hint="empty: as everywhere, 0: no end"
          name="window"
          type="number"
          min={0}
          max={10_080}
          step="any"
          initial={shown.window}
        />
        <div class="fields">
          <SaleTime label="Sale starts" name="starts" initial={shown.starts} />
          <SaleTime label="Sale ends" name="ends" initial={shown.ends} />
        </div>
        {item ? (
          <></>
        ) : (
          <Field
            label="Units"
            hint="empty: none yet"
            name="units"
            type="number"
            min={0}
            max={1_000_000_000}
            step="1"
          />
        )}
      </Form>
    </Dialog>
  );
}

/** To the second: a time that was set to the second has to pass the field's own check. */
const SaleTime = (field: { label: string; name: string; initial: string }) => (
  <Field {...field} hint="your time" type="datetime-local" step="1" />
);

/**
 * The item, its units, and only then the shop's window: buyers never see it sold out. After a failure
 * in between it is a draft, and the next try goes on from there.
 */
async function create(data: FormData, begun: { sku: string | null }): Promise<void> {
  const sku = textOf(data, "sku");
  const [units, json] = [unitsOf(data), itemOf(data)];
  const item = client.v1.items[":sku"];
  const param = { sku };
  const isListedLast = units > 0 && json.status === "listed";
  if (begun.sku !== sku) {
    const body = isListedLast ? { ...json, status: "draft" as const } : json;
    const header = { "if-none-match": "*" as const };
    await ok(item.$put({ param, header, json: body })).catch((error: unknown) => {
      if (!(error instanceof LockstockProblem) || error.code !== "precondition_failed") throw error;
      throw new LockstockProblem({
        title: "This SKU is taken",
        detail: `There is an item ${sku} already: edit that one.`,
        status: 409,
      });
    });
    begun.sku = sku;
  }
  if (units > 0) {
    const header = { "idempotency-key": `first-units-${sku}` };
    const first = { delta: units, reason: "first units" };
    await ok(item.stock.$post({ param, header, json: first }));
  }
  if (isListedLast) await ok(item.$put({ param, header: {}, json }));
}

/**
 * Says what somebody else has changed in the meantime. The next save goes on from there, and sends
 * what the operator has edited only.
 */
function conflictOf(
  error: unknown,
  before: StockedItem,
  setLatest: (item: StockedItem) => void,
): unknown {
  if (!(error instanceof LockstockProblem) || error.code !== "precondition_failed") return error;
  const { etag, body } = error;
  if (etag === null || body.item === undefined) return error;
  const now = { ...before, ...body.item, etag };
  setLatest(now);
  const changes = changesBetween(textsOf(before), textsOf(now));
  return new LockstockProblem({
    title: "Somebody else has changed this item",
    detail: `${changes.join(" ")} Your edits are still in the form. Save again to add them, or close to leave the item as it is now.`,
    status: 412,
  });
}
