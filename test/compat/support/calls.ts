import type { SimResponse } from "../../../sim/platform/http.ts";

/** Calls between pieces of code that are deployed at different times, and how they are recorded. */

export type Target = "HTTP" | "QUEUE" | "STOCK" | "ITEM" | "INDEX" | "DESK" | "RECONCILER" | "FEED";

/**
 * A call to an object or a Worker, as JSON; `HTTP`: from a client; `QUEUE`: a delivery of messages,
 * answered with those that were not acknowledged.
 */
export interface Call {
  at_ms: number;
  target: Target;
  name: string;
  method: string;
  arguments: unknown[];
  answer: unknown;
}

/** What a call is given instead of its own arguments, and what it answers without being made. */
export interface Replaced {
  arguments?: unknown[];
  answer?: unknown;
}

export type Methods = Record<string, (...given: unknown[]) => Promise<unknown>>;

/** Who keeps the calls, and may put another version in the place of one side. */
export interface Recorder {
  now_ms: number;
  intercept: (call: Omit<Call, "answer">) => Replaced;
  keep(call: Omit<Call, "at_ms">): void;
}

export interface Callee {
  target: Target;
  name: string;
  /** Throws when it cannot be reached. */
  object: () => Methods;
}

/** A stub that passes each call on as a copy, as RPC does, and keeps it with its answer. */
export function stubOf({ target, name, object }: Callee, recorder: Recorder): Methods {
  const call = async (method: string, given: unknown[]) => {
    if (method === "fetch") return upgrade(name, object(), given, recorder);
    const made = { target, name, method, arguments: json(given) as unknown[] };
    const replaced = recorder.intercept({ at_ms: recorder.now_ms, ...made });
    const passed = structuredClone(replaced.arguments ?? given);
    const answer = replaced.answer ?? (await object()[method]!(...passed));
    // The platform's own call.
    if (method !== "alarm") recorder.keep({ ...made, answer: json(answer) });
    return structuredClone(answer);
  };
  return new Proxy({} as Methods, {
    get: (_, method) =>
      // A stub is no promise.
      method === "then" ? undefined : (...given: unknown[]) => call(String(method), given),
  });
}

/** The connection to a feed; what the Worker passes on is in a header. */
async function upgrade(name: string, feed: Methods, given: unknown[], recorder: Recorder) {
  const [url, { headers }] = given as [string, { headers: Headers }];
  const passedOn = Object.fromEntries(
    [...headers].map(([key, value]) => [key, decodeURIComponent(value)]),
  );
  const response = (await feed.fetch!(new Request(url, { headers }))) as SimResponse;
  const answer = { status: response.status };
  recorder.keep({ target: "FEED", name, method: "fetch", arguments: [passedOn], answer });
  return response;
}

/** As JSON has it: without what is undefined, apart from the objects that were passed. */
export const json = (value: unknown): unknown =>
  value === undefined ? null : JSON.parse(JSON.stringify(value));
