import * as v from "valibot";
import { SentOrderIdSchema } from "../../contract/order-id.ts";
import type { Order } from "../order/order.ts";
import { getOrder } from "../order/order-queries.sql.ts";
import { Problem } from "./problem.ts";

/** The filter `status` of lists. */
export const StatusSchema = v.optional(
  v.picklist(["pending", "confirmed", "paid", "cancelled"], "is no status of an order"),
);

/** The order of an id as it stands in a path. */
export async function findOrder(db: D1Database, text: string): Promise<Order | null> {
  const id = v.safeParse(SentOrderIdSchema, text);
  return id.success ? await getOrder(db, id.output) : null;
}

export const noSuchOrder = new Problem("not_found", { detail: "There is no such order." });
