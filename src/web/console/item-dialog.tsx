import { minorDigitsOf } from "../../contract/currencies.ts";
import { ok } from "../shared/api.ts";
import { Dialog } from "../shared/dialog.tsx";
import { decimal, minorUnits } from "../shared/format.ts";
import { ApiProblem } from "../shared/problem.ts";
import { Field, Form, textOf } from "./form.tsx";
import type { StockedItem } from "./items.ts";
import { client } from "./session.ts";

interface ItemDialogProps {
  /** Null for a new item. */
  item: StockedItem | null;
  onClose: () => void;
  onDone: () => void;
}

export function ItemDialog({ item, onClose, onDone }: ItemDialogProps) {
  const currency = item?.price.currency ?? "EUR";
  const submit = async (data: FormData) => {
    const sku = item?.sku ?? textOf(data, "sku");
    await requireNew(item, sku);
    await ok(client.v1.items[":sku"].$put({ param: { sku }, json: itemOf(data) }));
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
        <Field label="Name" name="name" initial={item?.name ?? ""} required />
        <div class="fields">
          <Field
            label="Price"
            name="price"
            type="number"
            min={0}
            step="any"
            initial={item ? decimal(item.price) : ""}
            required
          />
          <Field label="Currency" name="currency" pattern="[A-Z]{3}" initial={currency} required />
        </div>
        <Field
          label="Limit per customer"
          hint="empty: none"
          name="limit"
          type="number"
          min={1}
          step="1"
          initial={item?.limitPerCustomer ?? ""}
        />
        <div class="fields">
          <Field
            label="Sale starts"
            hint="your time"
            name="starts"
            type="datetime-local"
            initial={localTime(item?.saleStartsAt ?? null)}
          />
          <Field
            label="Sale ends"
            hint="your time"
            name="ends"
            type="datetime-local"
            initial={localTime(item?.saleEndsAt ?? null)}
          />
        </div>
      </Form>
    </Dialog>
  );
}

/** Checks first, because PUT would replace the details of an existing item. */
async function requireNew(item: StockedItem | null, sku: string): Promise<void> {
  if (item) return;
  const there = await client.v1.items[":sku"].$get({ param: { sku } }).catch(() => null);
  if (!there?.ok) return;
  throw new ApiProblem({
    title: "This SKU is taken",
    detail: `There is an item ${sku} already: edit that one.`,
    status: 409,
  });
}

function itemOf(data: FormData) {
  const currency = textOf(data, "currency");
  const limit = textOf(data, "limit");
  return {
    name: textOf(data, "name"),
    price: { amount: amountOf(textOf(data, "price"), currency), currency },
    limitPerCustomer: limit === "" ? null : Number(limit),
    saleStartsAt: isoTime(textOf(data, "starts")),
    saleEndsAt: isoTime(textOf(data, "ends")),
  };
}

/** Throws the error that the form shows. The field cannot check it without the currency. */
function amountOf(text: string, currency: string): number {
  const amount = minorUnits(text, currency);
  if (amount !== null) return amount;
  const digits = minorDigitsOf(currency);
  throw new ApiProblem({
    title: `This is no price in ${currency}`,
    detail:
      digits === undefined
        ? `${currency} is no currency of ISO 4217 that is in use.`
        : `A price in ${currency} has ${digits === 0 ? "no" : `at most ${digits}`} decimals, like ${decimal({ amount: 12_345, currency })}.`,
    status: 400,
  });
}

const isoTime = (local: string): string | null =>
  local === "" ? null : new Date(local).toISOString();

/** The format of an input of type datetime-local. */
function localTime(at: string | null): string {
  if (at === null) return "";
  const time = new Date(at);
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
