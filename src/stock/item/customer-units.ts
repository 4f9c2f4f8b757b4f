/** The table `customers`: units held and sold per customer, for the limit per customer. */
export class CustomerUnits {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Counts the live units of each customer once. From then on `add` maintains the counts. */
  count(): void {
    this.#sql.exec(
      `INSERT INTO customers (customer_id, units)
       SELECT customer_id, sum(quantity - returned) FROM locks
       WHERE state IN ('held', 'sold') AND customer_id IS NOT NULL GROUP BY customer_id`,
    );
  }

  unitsOf(customerId: string): number {
    const [row] = this.#sql.exec<{ units: number }>(
      "SELECT units FROM customers WHERE customer_id = ?",
      customerId,
    );
    return row?.units ?? 0;
  }

  add(customerId: string, units: number): void {
    this.#sql.exec(
      `INSERT INTO customers (customer_id, units) VALUES (?, ?)
       ON CONFLICT (customer_id) DO UPDATE SET units = units + excluded.units`,
      customerId,
      units,
    );
    this.#sql.exec("DELETE FROM customers WHERE customer_id = ? AND units <= 0", customerId);
  }

  rename(customerId: string, newId: string): void {
    const units = this.unitsOf(customerId);
    if (units === 0) return;
    this.add(newId, units);
    this.add(customerId, -units);
  }
}
