import * as v from "valibot";
import { SentOrderIdSchema } from "../../contract/order-id.ts";
import { getOrder } from "../order/order-queries.sql.ts";
import type { Order } from "../order/order.ts";
import { Problem } from "./problem.ts";

/** The query parameter `status` of lists. */
export const StatusSchema = v.optional(
  v.picklist(
    ["pending", "confirmed", "paid", "cancelled", "returned"],
    "is not a status of an order",
  ),
);

/** The order id in a path. */
export function orderIdIn(text: string): string {
  const id = v.safeParse(SentOrderIdSchema, text);
  if (id.success) return id.output;
  throw orderNotFound;
}

/** Finds an order by the id in a path; null when the id is malformed or unknown. */
export async function findOrder(
  db: D1Database,
  text: string,
  read = (id: string) => getOrder(db, id),
): Promise<Order | null> {
  const id = v.safeParse(SentOrderIdSchema, text);
  return id.success ? await read(id.output) : null;
}

export const orderNotFound = new Problem("not_found", { detail: "There is no such order." });
