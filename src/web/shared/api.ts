import { type ClientResponse, hc, type InferResponseType } from "hono/client";
import { LockstockProblem, problemOf } from "../../../packages/client/src/index.ts";
import type { App } from "../../orders/http/app.ts";
import { setServerTime } from "./clock.ts";

/** The console's calls: those of operators, which the published client does not have one by one. */

const TIMEOUT_MS = 20_000;

export type Client = ReturnType<typeof clientOf>;

/** A typed client that sends this token. */
export function clientOf(token: () => string | null, base: string) {
  return hc<App>(base, {
    headers: (): Record<string, string> => {
      const bearer = token();
      return bearer === null ? {} : { Authorization: `Bearer ${bearer}` };
    },
    fetch: async (input: RequestInfo | URL, init?: RequestInit) => {
      const response = await fetch(input, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
      setServerTime(response.headers.get("Date"));
      return response;
    },
  });
}

/**
 * The body of a successful response. Throws `LockstockProblem` for any other response, and with status
 * 0 when there is no response.
 */
export async function ok<T>(answer: Promise<ClientResponse<T, number, string>>): Promise<T> {
  let response: ClientResponse<T, number, string>;
  try {
    response = await answer;
  } catch (error) {
    throw noResponse(error);
  }
  if (!response.ok) throw await problemOf(response);
  try {
    return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
  } catch (error) {
    throw noResponse(error);
  }
}

const noResponse = (cause: unknown): LockstockProblem =>
  new LockstockProblem(
    {
      code: "no_response",
      status: 0,
      title: "The server cannot be reached",
      detail: "There was no answer.",
    },
    { cause },
  );

/** The API's response types, derived from the typed client. */
export type Item = InferResponseType<Client["v1"]["items"][":sku"]["$get"]>;
export type Price = Item["price"];
export type Level = InferResponseType<Client["v1"]["items"][":sku"]["stock"]["$get"]>;
export type Movement = InferResponseType<
  Client["v1"]["items"][":sku"]["ledger"]["$get"]
>["movements"][number];
export type Order = InferResponseType<Client["v1"]["orders"][":id"]["$get"]>;
export type Status = Order["status"];
export type Operations = InferResponseType<Client["v1"]["operations"]["$get"]>;
export type Minute = Operations["perMinute"][number];
export type Transition = InferResponseType<
  Client["v1"]["operations"]["orders"][":id"]["history"]["$get"]
>["transitions"][number];
export type DeadLetter = InferResponseType<
  Client["v1"]["dead-letters"]["$get"]
>["deadLetters"][number];
export type Difference = InferResponseType<
  Client["v1"]["operations"]["reconcile"]["$post"]
>["differences"][number];
