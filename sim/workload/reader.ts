import type { System } from "../system.ts";
import { HttpClient } from "./http-client.ts";

/**
 * The shop's backend, which follows the changes by their cursor: pages of any size, some of which wait.
 * It goes on from the last cursor that it has heard of, whatever happened to its calls.
 */

interface Change {
  type: string;
  orderId?: string;
  revision?: number;
  payment?: { reference: string };
  sku?: string;
}

const LIMITS = [1, 2, 3, 10, 500];

export class Reader {
  readonly http: HttpClient;
  readonly #system: System;
  readonly #heard: string[] = [];
  #after: string | null = null;
  #isReading = false;

  constructor(system: System) {
    this.#system = system;
    this.http = new HttpClient(system, "reader", { customerId: null, scope: "operations:read" });
  }

  get requests(): number {
    return this.http.requests;
  }

  /** Reads a page. A reader keeps one cursor, so it has one call under way. */
  async read(wait: number, tries = 1): Promise<number> {
    if (this.#isReading) return 0;
    this.#isReading = true;
    try {
      return await this.#read(wait, tries);
    } finally {
      this.#isReading = false;
    }
  }

  async #read(wait: number, tries: number): Promise<number> {
    const { kernel, changes, report } = this.#system;
    const limit = kernel.random(`limit ${this.http.requests}`).pick(LIMITS);
    const after = this.#after === null ? "" : `&after=${this.#after}`;
    const headers: Record<string, string> = wait > 0 ? { Prefer: `wait=${wait}` } : {};
    const call = { method: "GET" as const, path: `/v1/changes?limit=${limit}${after}`, headers };
    const heard = await this.http.insist(call, tries);
    if (!heard) return 0;
    report.check(
      heard.status === 200,
      16,
      () => `the reader is told ${heard.status} ${heard.code}`,
    );
    if (heard.status !== 200) return 0;
    const page = heard.body as { changes: Change[]; nextCursor: string };
    this.#after = page.nextCursor;
    this.#heard.push(...page.changes.map(stepOf));
    report.check(page.changes.length <= limit, 16, () => `a page of ${limit} has more`);
    changes.check(this.#heard, "the reader");
    return page.changes.length;
  }

  /** At the end it has heard everything. */
  async finish(): Promise<void> {
    const { changes, report } = this.#system;
    while ((await this.read(0, 4)) > 0);
    const all = changes.commits.flat();
    report.check(
      this.#heard.length === all.length,
      16,
      () => `the reader heard ${this.#heard.length} of ${all.length} steps`,
    );
  }
}

const stepOf = ({ type, orderId, revision, payment, sku }: Change): string =>
  orderId === undefined ? `${type} ${payment?.reference ?? sku}` : `${type} ${orderId} ${revision}`;
