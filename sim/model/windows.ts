/** How long a confirmed order has to be waited for, by its items as they were when it was placed. */
export class WindowsModel {
  /** By SKU; null: the item has none of its own. */
  readonly #own = new Map<string, number | null>();
  readonly #deployment_ms: number;

  constructor(deployment_ms: number) {
    this.#deployment_ms = deployment_ms;
  }

  set(sku: string, own_ms: number | null): void {
    this.#own.set(sku, own_ms);
  }

  /** Of an order that is placed now; 0: for ever. */
  of(lines: readonly { sku: string }[]): number {
    const windows = lines.map(({ sku }) => this.#own.get(sku) ?? this.#deployment_ms);
    const ends = windows.filter((window_ms) => window_ms > 0);
    return ends.length > 0 ? Math.min(...ends) : 0;
  }
}
