import { once } from "node:events";
import { request } from "node:http";
import type { Document } from "../../../openapi/types.ts";
import { type Answer, answerChecker } from "../../support/answers.ts";
import { type Call, callsOf } from "../../support/contract.ts";

export interface CallOptions {
  /** Values of the path's parameters; the contract's examples stand in for what is left out. */
  path?: Record<string, string>;
  query?: Record<string, string>;
  token?: string | undefined;
  /** A string is sent as it is, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  base?: URL | string;
}

/** Calls operations by their id, holds each answer against the document, and remembers it. */
export class ContractClient {
  readonly calls: Call[];
  /** `operation status`. */
  readonly seen = new Set<string>();
  readonly codes = new Set<string>();
  readonly #document: Document;
  readonly #base: () => URL;
  readonly #faults: ReturnType<typeof answerChecker>;

  constructor(document: Document, base: () => URL) {
    this.#document = document;
    this.#base = base;
    this.#faults = answerChecker(document);
    this.calls = callsOf(document);
  }

  /** Resolves to the body of the answer, which has this status and is as the document says. */
  async call<T = Record<string, unknown>>(
    id: string,
    status: number,
    { path = {}, query = {}, token, body, headers = {}, base }: CallOptions = {},
  ): Promise<{ body: T; headers: Headers }> {
    const called = this.#find(id);
    const url = new URL(this.#pathOf(called, path), base ?? this.#base());
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const response = await fetch(url, {
      method: called.method.toUpperCase(),
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined || typeof body === "string" ? (body ?? null) : JSON.stringify(body),
    });
    const text = await response.text();
    this.#see(called, status, { status: response.status, headers: response.headers, text });
    const isJson = /[/+]json\b/.test(response.headers.get("content-type") ?? "") && text !== "";
    return { body: isJson ? JSON.parse(text) : undefined, headers: response.headers };
  }

  /** Bodies that are refused before they are understood. */
  async refusesBodies(id: string, options: CallOptions): Promise<void> {
    const headers = { "content-type": "text/plain" };
    const huge = JSON.stringify({ reason: "x".repeat(70_000) });
    await this.call(id, 400, { ...options, body: "{" });
    await this.call(id, 413, { ...options, body: huge });
    await this.call(id, 415, { ...options, body: "text", headers });
  }

  /** Opens a WebSocket by hand: the WebSocket of Node does not tell the headers of its answer. */
  async upgrade(id: string, headers: Record<string, string>): Promise<void> {
    const called = this.#find(id);
    const outgoing = request(new URL(called.path, this.#base()).href, {
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        ...headers,
      },
    }).end();
    const [incoming, socket] = await once(outgoing, "upgrade");
    socket.destroy();
    const own = new Headers(Object.entries(incoming.headers as Record<string, string>));
    this.#see(called, 101, { status: incoming.statusCode, headers: own, text: "" });
  }

  /** Documented statuses that no call has been answered with. */
  unseen(): string[] {
    return this.calls.flatMap(({ operation: { operationId, responses } }) =>
      Object.keys(responses)
        .map((status) => `${operationId} ${status}`)
        .filter((one) => !this.seen.has(one)),
    );
  }

  #find(id: string): Call {
    const found = this.calls.find(({ operation }) => operation.operationId === id);
    if (!found) throw new Error(`the document has no operation ${id}`);
    return found;
  }

  #pathOf({ path, operation }: Call, values: Record<string, string>): string {
    const { parameters } = this.#document.components;
    const own = (operation.parameters ?? []).map(
      ({ $ref }) => parameters[$ref.split("/").at(-1)!]!,
    );
    const examples = Object.fromEntries(own.map(({ name, example }) => [name, `${example}`]));
    return path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(values[name] ?? examples[name] ?? name),
    );
  }

  #see(called: Call, status: number, answer: Answer): void {
    const id = called.operation.operationId;
    const faults = this.#faults(called, answer);
    if (answer.status !== status) faults.unshift(`status ${answer.status} instead of ${status}`);
    if (faults.length > 0) throw new Error(`${id}: ${faults.join("; ")}\n${answer.text}`);
    this.seen.add(`${id} ${status}`);
    if (answer.headers.get("content-type") === "application/problem+json") {
      this.codes.add(JSON.parse(answer.text).code);
    }
  }
}
