/** The table `erasures`: how far the erasure of a customer has come at the items. */

export interface ErasureWalk {
  customerId: string;
  erasedId: string;
  /** The last item that is done. */
  afterSku: string;
}

/** Where an erasure that did not come to its end has to go on; null: there is none. */
export const unfinishedErasure = (
  db: D1Database,
  customerId: string,
): Promise<Omit<ErasureWalk, "customerId"> | null> =>
  db
    .prepare(
      "SELECT erased_id AS erasedId, after_sku AS afterSku FROM erasures WHERE customer_id = ?",
    )
    .bind(customerId)
    .first<{ erasedId: string; afterSku: string }>();

export const saveErasure = (
  db: D1Database,
  { customerId, erasedId, afterSku }: ErasureWalk,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO erasures (customer_id, erased_id, after_sku) VALUES (?1, ?2, ?3)
       ON CONFLICT (customer_id) DO UPDATE SET after_sku = excluded.after_sku`,
    )
    .bind(customerId, erasedId, afterSku);

export const endErasure = (db: D1Database, customerId: string): D1PreparedStatement =>
  db.prepare("DELETE FROM erasures WHERE customer_id = ?").bind(customerId);
