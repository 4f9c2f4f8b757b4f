import { checkGated, checkPaused, wasClosed, wasOpen } from "../model/door.ts";
import type { System } from "../system.ts";
import { cartOf } from "./cart.ts";
import { FeedClient } from "./feed-client.ts";
import { type Heard, HttpClient, isAnswered } from "./http-client.ts";
import { serviceOf } from "./services.ts";
import type { ItemPlan, CartLine, ClientPlan, Step } from "./steps.ts";

/** A customer: places, repeats, cancels, looks, and holds every answer against what was promised. */

type Place = Step & { do: "place" };

interface Wish {
  step: Place;
  isAnswered: boolean;
}

const TRIES = 4;

/** A key belongs to whoever sends it. */
const ownedKey = ({ key, byService }: Place): string | null =>
  key !== null && byService ? `service ${key}` : key;

export class Buyer {
  readonly name: string;
  readonly http: HttpClient;
  /** Orders for this customer, by keys of its own. */
  readonly #service: HttpClient;
  readonly feed: FeedClient;
  /** Orders that were promised with a 2xx, in the order they were heard of. */
  readonly known: string[] = [];
  readonly #system: System;
  readonly #items: Map<string, ItemPlan>;
  readonly #wishes: Wish[] = [];
  /** By key: its order, and when it was first heard of. */
  readonly #owners = new Map<string, { id: string; heard_ms: number }>();
  readonly #carts = new Map<string, Set<string>>();
  keyless = 0;

  constructor(system: System, plan: ClientPlan, items: ItemPlan[]) {
    this.#system = system;
    this.name = plan.name;
    this.http = new HttpClient(system, plan.name, { customerId: plan.name, scope: "" });
    this.#service = new HttpClient(system, serviceOf(plan.name), {
      customerId: plan.name,
      scope: "openid orders:create",
    });
    const { name: customerId, skew_ms } = plan;
    const { secret } = this.http.tokens;
    this.feed = new FeedClient(system, { customerId, secret, skew_ms }, () => this.list(100));
    this.#items = new Map(items.map((item) => [item.sku, item]));
  }

  get requests(): number {
    return this.http.requests + this.#service.requests;
  }

  get keys(): number {
    return this.#carts.size;
  }

  async place(step: Place): Promise<void> {
    const wish: Wish = { step, isAnswered: false };
    if (step.key !== null) this.#wishes.push(wish);
    const { socket } = step;
    if (socket) this.#system.kernel.after(socket.after_ms, "", () => this.feed[socket.does]());
    if (step.clicks > 1) this.#system.kernel.faults.note("double click");
    if (step.otherLines) this.#system.kernel.faults.note("key with another body");
    for (let i = 0; i < (step.key === null ? 1 : TRIES) && !wish.isAnswered; i++) {
      if (i > 0) await this.http.sleep(1_500);
      const clicks = Array.from({ length: step.clicks }, () => this.#try(wish, step.lines));
      if (step.otherLines) clicks.push(this.#try(wish, step.otherLines));
      await Promise.all(clicks);
    }
  }

  /**
   * After the faults: whoever never heard asks again with the same key, and is told; whoever has an
   * order is told of the same one, whatever has become of it and of the stock.
   */
  async finish(): Promise<void> {
    for (const wish of this.#wishes) {
      if (this.#owners.has(ownedKey(wish.step) ?? "")) wish.isAnswered = false;
      for (let i = 0; i < TRIES && !wish.isAnswered; i++) {
        await this.http.sleep(1_000);
        await this.#try(wish, wish.step.lines);
      }
      this.#system.report.check(
        wish.isAnswered,
        8,
        () => `${this.name} repeats ${wish.step.key} and gets no answer`,
      );
    }
  }

  /** The customer's own keys that got an order, with what was asked for by them, and the order. */
  get bound(): { key: string; lines: CartLine[]; id: string }[] {
    return this.#wishes.flatMap(({ step: { key, lines, otherLines, byService } }) => {
      // Of two carts either may have got the key.
      if (key === null || byService || otherLines) return [];
      const owner = this.#owners.get(key);
      return owner ? [{ key, lines, id: owner.id }] : [];
    });
  }

  /** The key has gone over to another order. */
  rebind(key: string, id: string, heard_ms: number): void {
    this.#owners.set(key, { id, heard_ms });
  }

  async #try(wish: Wish, lines: CartLine[]): Promise<void> {
    const { key, wait, byService } = wish.step;
    const owned = ownedKey(wish.step);
    const cart = cartOf(lines);
    if (owned === null) this.keyless++;
    else this.#carts.set(owned, (this.#carts.get(owned) ?? new Set()).add(cart));
    const heard = await (byService ? this.#service : this.http).send({
      method: "POST",
      path: "/v1/orders",
      body: byService ? { lines, customerId: this.name } : { lines },
      headers: {
        ...(key !== null && { "Idempotency-Key": key }),
        ...(wait > 0 && { Prefer: `wait=${wait}` }),
      },
    });
    // Past a limit nothing is placed.
    if (heard?.status === 429 && key === null) this.keyless--;
    if (isAnswered(heard)) {
      wish.isAnswered = true;
      this.#judge(heard, owned, lines, wait);
    }
  }

  #judge(heard: Heard, key: string | null, lines: CartLine[], wait: number): void {
    const { report } = this.#system;
    const { status, code } = heard;
    const [order] = heard.orders;
    const where = `${this.name} POST /v1/orders (key ${key}) → ${status} ${code ?? ""}`;
    if (order) {
      this.#promised(order.id);
      this.feed.learn(order);
      report.check(
        cartOf(order.lines) === cartOf(lines),
        8,
        () => `${where}: ${order.id} has other lines`,
      );
      report.check(
        order.customerId === this.name,
        12,
        () => `${where}: ${order.id} belongs to ${order.customerId}`,
      );
      const states: Record<number, string[]> = {
        201: ["confirmed"],
        202: ["pending"],
        200: ["confirmed", "paid", "returned", "cancelled"],
        409: ["cancelled"],
      };
      // 202 answers a caller who does not wait, however the order stands when a lost reply is made up for.
      const isAsStated =
        (status === 202 && wait === 0) || states[status]?.includes(order.status) === true;
      report.check(isAsStated, 8, () => `${where} with an order that is ${order.status}`);
      report.check(wasOpen(this.#items, order), 3, () => `${where} out of the sale's time`);
      report.check(status !== 201 || wait > 0, 8, () => `${where} without Prefer: wait`);
      report.check(
        status !== 409 || order.reason === code,
        8,
        () => `${where} with an order for ${order.reason}`,
      );
      if (key === null) return;
      const owner = this.#owners.get(key);
      const isRepeated = owner !== undefined && owner.heard_ms <= heard.sent_ms;
      report.check(
        !isRepeated || heard.headers.get("Idempotency-Replayed") === "true",
        8,
        () => `${where}: not said to be a replay`,
      );
      report.check(
        !owner || owner.id === order.id,
        8,
        () => `${where}: ${order.id} and ${owner?.id} have the same key`,
      );
      this.#owners.set(key, { id: order.id, heard_ms: owner?.heard_ms ?? heard.heard_ms });
      return;
    }
    if (status === 409 && code === "out_of_stock") return checkGated(this.#system, heard, where);
    if (status === 409 && code === "paused") return checkPaused(this.#system, heard, where);
    if (status === 409 && code === "sale_not_open")
      return report.check(
        wasClosed(this.#items, heard, lines),
        3,
        () => `${where}, and it was open`,
      );
    if (status === 422 && code === "idempotency_key_reused") {
      const carts = this.#carts.get(key ?? "")?.size ?? 0;
      return report.check(carts > 1, 8, () => `${where}, but the key has one cart only`);
    }
    const isUnknown = lines.some(({ sku }) => !this.#items.has(sku));
    report.check(status === 422 && code === "unknown_item" && isUnknown, 8, () => where);
  }

  #promised(id: string): void {
    if (!this.known.includes(id)) this.known.push(id);
  }

  async cancel(which: number, isLate: boolean): Promise<void> {
    const id = this.known[which % Math.max(1, this.known.length)];
    if (id === undefined) return;
    if (isLate) await this.http.sleep(this.#system.orders.untilExpiry_ms(id));
    this.#system.orders.wishes.cancel.add(id);
    const heard = await this.http.insist({ method: "POST", path: `/v1/orders/${id}/cancel` }, 3);
    if (!heard) return;
    const [order] = heard.orders;
    if (order) this.feed.learn(order);
    const isRight =
      (heard.status === 200 && order?.status === "cancelled") ||
      (heard.status === 409 && ["paid", "returned"].includes(order?.status ?? ""));
    this.#system.report.check(
      isRight,
      4,
      () => `${this.name} cancels ${id} → ${heard.status} ${order?.status}`,
    );
  }

  async look(which: number, wait: number, hangsUpAfter_ms?: number): Promise<void> {
    const id = this.known[which % Math.max(1, this.known.length)];
    if (id === undefined) return;
    const heard = await this.http.send({
      method: "GET",
      path: `/v1/orders/${id}`,
      headers: wait > 0 ? { Prefer: `wait=${wait}` } : {},
      ...(hangsUpAfter_ms !== undefined && { hangsUpAfter_ms }),
    });
    if (isAnswered(heard)) {
      this.#system.report.check(
        heard.status === 200,
        8,
        () => `${this.name} was promised ${id} → ${heard.status}`,
      );
    }
  }

  /** All orders of this customer, by the list. */
  async list(tries = 1): Promise<Heard["orders"] | null> {
    const heard = await this.http.insist({ method: "GET", path: "/v1/orders?limit=100" }, tries);
    return heard?.orders ?? null;
  }
}
