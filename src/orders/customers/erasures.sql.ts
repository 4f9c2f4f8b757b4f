/** The table `erasures`: how far the erasure of a customer has come at the items. */

export interface ErasureWalk {
  erasedId: string;
  /** The last item that is done; '': none is. */
  afterSku: string;
}

/** Begins the walk, or finds where one that did not come to its end has to go on. */
export async function beginErasure(
  db: D1Database,
  { customerId, erasedId }: { customerId: string; erasedId: string },
): Promise<ErasureWalk> {
  const walk = await db
    .prepare(
      `INSERT INTO erasures (customer_id, erased_id) VALUES (?1, ?2)
       ON CONFLICT (customer_id) DO UPDATE SET erased_id = erasures.erased_id
       RETURNING erased_id AS erasedId, after_sku AS afterSku`,
    )
    .bind(customerId, erasedId)
    .first<{ erasedId: string; afterSku: string }>();
  if (!walk) throw new Error("no erasure");
  return walk;
}

export const saveErasure = (
  db: D1Database,
  customerId: string,
  afterSku: string,
): D1PreparedStatement =>
  db
    .prepare("UPDATE erasures SET after_sku = ?2 WHERE customer_id = ?1")
    .bind(customerId, afterSku);

export const endErasure = (db: D1Database, customerId: string): D1PreparedStatement =>
  db.prepare("DELETE FROM erasures WHERE customer_id = ?").bind(customerId);
