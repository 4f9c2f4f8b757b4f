import type { RequestIdVariables } from "hono/request-id";
import type { Caller } from "./scopes.ts";

/** What every route gets from the platform (`Bindings`) and from middleware (`Variables`). */
export interface AppEnv {
  Bindings: OrdersEnv;
  Variables: RequestIdVariables & {
    /** Set by the middleware in auth.ts. */
    caller: Caller;
  };
}
