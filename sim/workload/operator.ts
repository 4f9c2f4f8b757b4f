import type { System } from "../system.ts";
import { type Call, type Heard, HttpClient } from "./http-client.ts";
import type { ItemPlan } from "./plan.ts";

/** The operator: catalogue, stock, payments, dead letters, comparison. */

interface Level {
  received: number;
  available: number;
  held: number;
  sold: number;
}

export class Operator {
  readonly http: HttpClient;
  readonly #system: System;
  #operations = 0;
  readonly #unanswered: Call[] = [];

  constructor(system: System) {
    this.#system = system;
    this.http = new HttpClient(system, "operator", { customerId: null, scope: "operator" });
  }

  get requests(): number {
    return this.http.requests;
  }

  async open(items: readonly ItemPlan[]): Promise<void> {
    for (const item of items) {
      await this.put(item, 100);
      if (item.stock > 0) await this.adjust(item.sku, item.stock, 1);
    }
  }

  async put(
    { sku, limitPerCustomer, saleStartsAt_ms, saleEndsAt_ms }: ItemPlan,
    amount: number,
  ): Promise<void> {
    const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
    const body = {
      name: sku,
      price: { amount, currency: "EUR" },
      limitPerCustomer,
      saleStartsAt: iso(saleStartsAt_ms),
      saleEndsAt: iso(saleEndsAt_ms),
    };
    const heard = await this.http.send({ method: "PUT", path: `/v1/items/${sku}`, body });
    if (heard && heard.status < 500) this.#expect(heard, [200, 201], 12, `PUT ${sku}`);
  }

  /** Repeated with its key until it is answered; takes effect once. */
  async adjust(sku: string, delta: number, clicks: number): Promise<void> {
    const key = `operation-${++this.#operations}`;
    const call = {
      method: "POST",
      path: `/v1/items/${sku}/stock`,
      body: { delta, reason: "count" },
      headers: { "Idempotency-Key": key },
    } as const;
    const answers = await Promise.all(
      Array.from({ length: clicks }, () => this.http.insist(call, 4)),
    );
    const { report, items } = this.#system;
    for (const heard of answers) {
      if (!heard) {
        this.#unanswered.push(call);
        continue;
      }
      this.#expect(heard, [200, 409], 1, `adjust ${sku} by ${delta}`);
      const item = items.item(sku);
      if (heard.status === 200) {
        report.check(
          item.operations.has(key),
          1,
          () => `${sku}: ${key} was confirmed and is not in the ledger`,
        );
        const { received, available, held, sold } = heard.body as Level;
        report.check(
          received === available + held + sold,
          1,
          () => `${sku}: the answer to ${key} does not add up`,
        );
      } else {
        const wasShort = item.wasShort(-delta, heard.sent_ms - 30_000, heard.heard_ms);
        report.check(wasShort, 3, () => `${sku}: ${key} was refused for nothing`);
      }
    }
  }

  /** After the faults: what was never answered is asked again, with the same key. */
  async finish(): Promise<void> {
    for (const call of this.#unanswered) {
      const heard = await this.http.insist(call, 4);
      this.#system.report.check(
        heard !== null,
        1,
        () => `${call.path} ${JSON.stringify(call.body)} gets no answer`,
      );
    }
  }

  async pay(id: string, isLate: boolean): Promise<void> {
    if (isLate) await this.http.sleep(this.#system.orders.untilExpiry_ms(id));
    this.#system.orders.wishes.pay.add(id);
    const heard = await this.http.insist({ method: "POST", path: `/v1/orders/${id}/pay` }, 3);
    if (!heard) return;
    const status = heard.orders[0]?.status ?? "";
    const isRight =
      heard.status === 200
        ? status === "paid"
        : heard.status === 409 && ["pending", "cancelled"].includes(status);
    this.#system.report.check(isRight, 4, () => `paying ${id} → ${heard.status} ${status}`);
  }

  /** Plays every dead letter again, some of them twice. */
  async replay(tries = 1): Promise<number> {
    const heard = await this.http.insist(
      { method: "GET", path: "/v1/dead-letters?limit=50" },
      tries,
    );
    const { deadLetters = [] } = (heard?.body ?? {}) as { deadLetters?: { id: string }[] };
    for (const { id } of deadLetters) {
      const path = `/v1/dead-letters/${encodeURIComponent(id)}/replay`;
      const answers = await Promise.all([
        this.http.send({ method: "POST", path }),
        this.http.send({ method: "POST", path }),
      ]);
      for (const answer of answers)
        if (answer && answer.status < 500) this.#expect(answer, [200, 404], 11, `replay ${id}`);
    }
    return deadLetters.length;
  }

  /** The differences between D1 and the items, all pages. Null: no answer. */
  async compare(repair: boolean, tries = 1): Promise<unknown[] | null> {
    const differences: unknown[] = [];
    let cursor: string | null = null;
    do {
      const body: object = cursor === null ? { repair } : { repair, cursor };
      const heard: Heard | null = await this.http.insist(
        { method: "POST", path: "/v1/operations/reconcile", body },
        tries,
      );
      if (!heard) return null;
      this.#expect(heard, [200], 2, "reconcile");
      const page = heard.body as { differences?: unknown[]; nextCursor?: string | null };
      differences.push(...(page.differences ?? []));
      cursor = page.nextCursor ?? null;
    } while (cursor !== null);
    return differences;
  }

  async read(path: string, tries: number): Promise<unknown> {
    const heard = await this.http.insist({ method: "GET", path }, tries);
    return heard?.status === 200 ? heard.body : null;
  }

  #expect(heard: Heard, statuses: number[], invariant: number, what: string): void {
    this.#system.report.check(
      statuses.includes(heard.status),
      invariant,
      () => `${what} → ${heard.status} ${heard.code ?? ""}`,
    );
  }
}
