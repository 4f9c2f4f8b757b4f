import type { Random } from "../../scripts/lib/random.ts";
import { checkLimit } from "../model/limits.ts";
import type { OrderView } from "../model/shown.ts";
import { type HeaderLine, received } from "../platform/http.ts";
import type { Verdict } from "../platform/limiter.ts";
import type { Answer } from "../platform/worker.ts";
import type { System } from "../system.ts";
import { Tokens } from "./tokens.ts";

/** HTTP as a client has it: an answer, or none. */

export interface Call {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Further headers, byte by byte; a name may come twice. */
  lines?: readonly HeaderLine[];
  /** Instead of the client's own. */
  token?: string;
  /** The client hangs up so long after the request has arrived, if it is not answered by then. */
  hangsUpAfter_ms?: number;
}

/** Who calls. */
export interface Identity {
  /** Whose orders the answers may show; null: everybody's. */
  customerId: string | null;
  /** Empty: a customer, whom the limiter counts. */
  scope: string;
}

export interface Heard extends Answer {
  orders: OrderView[];
  sent_ms: number;
  heard_ms: number;
  code: string | null;
}

/** Who recovers a database that was put back; nobody else calls then. */
export const RESCUER = "rescuer";

/** Everybody is behind one address. */
const ADDRESS = "192.0.2.1";
/** A call that takes longer hangs. */
const PATIENCE_MS = 70_000;
/** The calls of customers that a limiter counts. */
const LIMITED = [
  { method: "POST", path: /^\/v1\/orders(\/[^/]+\/cancel)?$/, limiter: "RATE_ORDERS" },
  { method: "GET", path: /^\/v1\/orders(\?.*|\/[^/]+)?$/, limiter: "RATE_READS" },
];

export class HttpClient {
  readonly #system: System;
  readonly #name: string;
  readonly #identity: Identity;
  readonly tokens: Tokens;
  readonly #patience: Random;
  requests = 0;

  constructor(system: System, name: string, identity: Identity) {
    this.#system = system;
    this.#name = name;
    this.#identity = identity;
    this.tokens = new Tokens(system.kernel.seed, name, identity.scope);
    this.#patience = system.kernel.random(`patience of ${name}`);
  }

  /** Null: no answer came. */
  send(call: Call): Promise<Heard | null> {
    const { method, path, body, headers = {}, lines = [], token } = call;
    const { kernel, http, shown, waiters } = this.#system;
    if (this.#system.isClosed && this.#name !== RESCUER) return Promise.resolve(null);
    const { faults } = kernel;
    const label = `${this.#name} ${method} ${path}`;
    const sent_ms = kernel.now_ms;
    const bearer = token ?? this.tokens.at(sent_ms);
    this.requests++;
    return new Promise((resolve) => {
      let isOver = false;
      const end = (heard: Heard | null) => {
        if (isOver) return;
        isOver = true;
        patience.isCancelled = true;
        resolve(heard);
      };
      const patience = kernel.after(PATIENCE_MS, `${label} → gives up`, () => {
        this.#system.report.violated(7, `${label} gets no answer for ${PATIENCE_MS / 1_000} s`);
        end(null);
      });
      const fail = () =>
        kernel.after(kernel.latency_ms(this.#name), `${label} → no answer`, () => end(null));
      kernel.after(
        kernel.latency_ms(this.#name),
        `${label} ${body === undefined ? "" : JSON.stringify(body)}`,
        () => {
          if (faults.strike("HTTP request lost", label)) return fail();
          const own = {
            Authorization: `Bearer ${bearer}`,
            "CF-Connecting-IP": ADDRESS,
            ...(body !== undefined && { "Content-Type": "application/json" }),
            ...headers,
          };
          const request = received(`https://shop${path}`, {
            method,
            headers: [...Object.entries(own), ...lines],
            body: body === undefined ? null : JSON.stringify(body),
          });
          // Readers of the changes have places of their own.
          const waits = path.startsWith("/v1/changes") ? undefined : headers["Prefer"];
          const place = waiters.arrives(waits);
          let isAnswered = false;
          const hangUp = http.request(
            request,
            (answer) => {
              isAnswered = true;
              waiters.answered(place, label, answer);
              const orders = shown.check(answer.body, this.#identity.customerId, label);
              const verdicts = this.#verdicts(method, path);
              const limited = { where: label, sent_ms, now_ms: kernel.now_ms, verdicts };
              checkLimit(this.#system.report, answer, limited);
              const isKnown = answer.status !== 401 || token !== undefined;
              this.#system.report.check(isKnown, 12, () => `${label} → 401 with a good token`);
              const isCalm = !this.#system.isQuiet || answer.status < 500;
              this.#system.report.check(isCalm, 7, () => `${label} → ${answer.status} in peace`);
              if (faults.strike("HTTP reply lost", label)) return fail();
              const code = (answer.body as { code?: string } | null)?.code ?? null;
              kernel.after(
                kernel.latency_ms(this.#name),
                `${label} → ${answer.status} ${code ?? ""} ${orders.map((o) => `${o.id} ${o.status}`).join()}`,
                () => end({ ...answer, orders, sent_ms, heard_ms: kernel.now_ms, code }),
              );
              return undefined;
            },
            fail,
          );
          const isHasty = faults.strike("client hangs up", label);
          const after_ms = isHasty ? this.#patience.between(0, 2_000) : call.hangsUpAfter_ms;
          if (after_ms === undefined) return undefined;
          return kernel.after(after_ms, "", () => {
            if (isAnswered || isOver) return;
            kernel.note(`${label}: hangs up`);
            hangUp();
            end(null);
          });
        },
      );
    });
  }

  /** What the limiter of this call was asked about this caller; null: it has none. */
  #verdicts(method: string, path: string): readonly Verdict[] | null {
    const { limiters } = this.#system;
    if (path === "/v1/guests") return limiters.get("RATE_GUESTS")?.verdicts.get(ADDRESS) ?? [];
    const { customerId, scope } = this.#identity;
    if (customerId === null || scope !== "") return null;
    const name = LIMITED.find((one) => one.method === method && one.path.test(path))?.limiter;
    return name === undefined ? null : (limiters.get(name)?.verdicts.get(customerId) ?? []);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#system.kernel.after(ms, "", resolve);
    });
  }

  /** Repeats a call that is safe to repeat until somebody answers for it. */
  async insist(call: Call, tries: number, pause_ms = 2_000): Promise<Heard | null> {
    for (let i = 0; i < tries; i++) {
      if (i > 0) await this.sleep(pause_ms);
      const heard = await this.send(call);
      if (isAnswered(heard)) return heard;
    }
    return null;
  }
}

/** Told what has become of the call: not that it has to come again. */
export const isAnswered = (heard: Heard | null): heard is Heard =>
  heard !== null && heard.status < 500 && heard.status !== 429;
