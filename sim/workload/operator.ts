import type { Random } from "../../scripts/lib/random.ts";
import type { System } from "../system.ts";
import { type Call, type Heard, HttpClient, isAnswered } from "./http-client.ts";
import type { ItemPlan, Step } from "./steps.ts";

/** The operator: catalogue, stock, payments, dead letters, comparison. */

interface Level {
  received: number;
  available: number;
  held: number;
  sold: number;
}

interface Adjusting {
  sku: string;
  key: string;
  delta: number;
  start_ms: number;
}

type PauseStep = Extract<Step, { do: "pause" | "resume" }>;
type CountStep = Extract<Step, { do: "count" }>;

interface Counted {
  sku: string;
  key: string;
  unsold: number;
  expected: number;
}

interface Refusal {
  code?: string | null;
  level?: Level;
}

interface Answered {
  call: Call;
  first: Heard;
}

const adjustment = (sku: string, key: string, body: { delta: number; reason: string }): Call => {
  const headers = { "Idempotency-Key": key };
  return { method: "POST", path: `/v1/items/${sku}/stock`, body, headers };
};

/** The level in an answer or a refusal. */
const levelIn = ({ body }: Heard): unknown => (body as { level?: Level }).level ?? body;

export class Operator {
  readonly http: HttpClient;
  readonly #system: System;
  #operations = 0;
  readonly #unanswered: Call[] = [];
  readonly #answered: Answered[] = [];
  readonly #repeats: Random;

  constructor(system: System) {
    this.#system = system;
    this.http = new HttpClient(system, "operator", { customerId: null, scope: "operator" });
    this.#repeats = system.kernel.random("adjustments again");
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
    { sku, limitPerCustomer, paymentWindow_s, saleStartsAt_ms, saleEndsAt_ms }: ItemPlan,
    amount: number,
  ): Promise<void> {
    const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
    const body = {
      name: sku,
      price: { amount, currency: "EUR" },
      limitPerCustomer,
      paymentWindowSeconds: paymentWindow_s,
      saleStartsAt: iso(saleStartsAt_ms),
      saleEndsAt: iso(saleEndsAt_ms),
    };
    const heard = await this.http.send({ method: "PUT", path: `/v1/items/${sku}`, body });
    if (heard && heard.status < 500) this.#expect(heard, [200, 201], 12, `PUT ${sku}`);
  }

  /** Repeated with its key until it is answered; takes effect once. */
  async adjust(sku: string, delta: number, clicks: number): Promise<void> {
    const key = `operation-${++this.#operations}`;
    const call = adjustment(sku, key, { delta, reason: "count" });
    const start_ms = this.#system.kernel.now_ms;
    const answers = await Promise.all(
      Array.from({ length: clicks }, () => this.http.insist(call, 4)),
    );
    for (const heard of answers) {
      if (!heard) this.#unanswered.push(call);
      else this.#judge(heard, { sku, key, delta, start_ms });
    }
    const heard = answers.find((one) => one !== null);
    if (!heard) return;
    this.#answered.push({ call, first: heard });
    if (this.#repeats.chance(0.3)) await this.#repeat({ call, first: heard });
    if (this.#repeats.chance(0.3)) await this.#reuse(sku, key, delta);
  }

  /** Pauses or resumes an item, repeated until it is answered. */
  async setPaused({ do: kind, sku, clicks }: PauseStep): Promise<void> {
    await Promise.all(Array.from({ length: clicks }, () => this.#setPaused(kind, sku)));
  }

  async #setPaused(kind: PauseStep["do"], sku: string): Promise<void> {
    const { pauses } = this.#system.items.item(sku);
    for (let i = 0; i < 4; i++) {
      if (i > 0) await this.http.sleep(2_000);
      const sent_ms = this.#system.kernel.now_ms;
      pauses.begins(kind);
      const heard = await this.http.send({ method: "POST", path: `/v1/items/${sku}/${kind}` });
      const isDone = isAnswered(heard);
      pauses.ends(kind, isDone && heard.status === 200, sent_ms, this.#system.kernel.now_ms);
      if (!isDone) continue;
      this.#expect(heard, [200], 18, `${kind} ${sku}`);
      const { paused } = heard.body as { paused?: boolean };
      const isAsked = paused === (kind === "pause");
      return this.#system.report.check(isAsked, 18, () => `${kind} ${sku} → paused: ${paused}`);
    }
  }

  /** Counts the shelf, which takes a while, and says what was found: alone, or in a call of many. */
  async count({ sku, off, pause_ms, clicks }: CountStep): Promise<void> {
    const path = `/v1/items/${sku}/stock`;
    const read = await this.http.insist({ method: "GET", path }, 2);
    if (read?.status !== 200) return;
    const { available, held } = read.body as Level;
    await this.http.sleep(pause_ms);
    const expected = available + held;
    const counted: Counted = {
      sku,
      key: `count-${++this.#operations}`,
      expected,
      unsold: Math.max(0, expected + off),
    };
    const { key, unsold } = counted;
    if (unsold === expected) return;
    const headers = { "Idempotency-Key": key };
    const line = { unsold, expected };
    const call: Call = this.#repeats.chance(0.5)
      ? { method: "POST", path, body: { ...line, reason: "shelf" }, headers }
      : { method: "POST", path: "/v1/stock/bulk", body: { changes: [{ sku, ...line }] }, headers };
    const answers = await Promise.all(
      Array.from({ length: clicks }, () => this.http.insist(call, 4)),
    );
    for (const heard of answers) if (heard) this.#judgeCount(heard, counted);
  }

  #judgeCount(heard: Heard, { sku, key, unsold, expected }: Counted): void {
    const { report, items } = this.#system;
    const { results } = heard.body as { results?: (Refusal & { status: number })[] };
    const [line] = results ?? [];
    const { status, code, level } = line ?? {
      status: heard.status,
      code: heard.code,
      level: levelIn(heard) as Level,
    };
    if (line?.code === "unavailable") return;
    const what = `${sku}: ${key} of ${unsold} where ${expected} are → ${status} ${code ?? ""}`;
    report.check([200, 409].includes(status), 1, () => what);
    // A call of many lines has its caller in the item's id of the change.
    const isDone = [...items.item(sku).operations].some((id) => id.split(" ").at(-1) === key);
    report.check(isDone === (status === 200), 1, () => `${what}, and the ledger says otherwise`);
    const now = (level?.available ?? 0) + (level?.held ?? 0);
    const isTrue =
      status === 200
        ? now === unsold
        : code === "stock_changed"
          ? now !== expected
          : now === expected && unsold < (level?.held ?? 0);
    report.check(isTrue, 1, () => `${what}, with ${JSON.stringify(level)}`);
  }

  #judge(heard: Heard, { sku, key, delta, start_ms }: Adjusting): void {
    const { report, items } = this.#system;
    this.#expect(heard, [200, 409], 1, `adjust ${sku} by ${delta}`);
    const item = items.item(sku);
    report.check(
      item.operations.has(key) === (heard.status === 200),
      1,
      () => `${sku}: ${key} was answered ${heard.status}, and the ledger says otherwise`,
    );
    if (heard.status !== 200) {
      // A repeat tells the refusal of the first time, which was after the first click.
      const wasShort = item.wasShort(-delta, start_ms, heard.heard_ms);
      return report.check(wasShort, 3, () => `${sku}: ${key} was refused for nothing`);
    }
    const { received, available, held, sold } = heard.body as Level;
    report.check(
      received === available + held + sold,
      1,
      () => `${sku}: the answer to ${key} does not add up`,
    );
  }

  /** The same once more, whatever the stock is by now: the first answer, and said to be a replay. */
  async #repeat({ call, first }: Answered): Promise<void> {
    const again = await this.http.insist(call, 4);
    if (!again) return;
    const isSame =
      again.status === first.status &&
      JSON.stringify(levelIn(again)) === JSON.stringify(levelIn(first));
    const isSaid = again.headers.get("Idempotency-Replayed") === "true";
    this.#system.report.check(
      isSame && isSaid,
      1,
      () =>
        `${call.path} ${JSON.stringify(call.body)} → ${again.status}, replayed: ${isSaid}, and first ${first.status}`,
    );
  }

  /** The key with another reason is another adjustment. */
  async #reuse(sku: string, key: string, delta: number): Promise<void> {
    const heard = await this.http.insist(adjustment(sku, key, { delta, reason: "found" }), 4);
    if (heard) this.#expect(heard, [422], 1, `${sku}: ${key} with another reason`);
  }

  /** After the faults: what was never answered is asked again, and what was is answered alike. */
  async finish(): Promise<void> {
    for (const call of this.#unanswered) {
      const heard = await this.http.insist(call, 4);
      this.#system.report.check(
        heard !== null,
        1,
        () => `${call.path} ${JSON.stringify(call.body)} gets no answer`,
      );
    }
    for (const answered of this.#answered) await this.#repeat(answered);
  }

  async pay(id: string, isLate: boolean): Promise<void> {
    if (isLate) await this.http.sleep(this.#system.orders.untilExpiry_ms(id));
    this.#system.orders.wishes.pay.add(id);
    const heard = await this.http.insist({ method: "POST", path: `/v1/orders/${id}/pay` }, 3);
    if (!heard) return;
    const status = heard.orders[0]?.status ?? "";
    const isRight =
      heard.status === 200
        ? ["paid", "returned"].includes(status)
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
