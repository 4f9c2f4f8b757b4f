import { Hono } from "hono";
import * as v from "valibot";
import { eraseCustomer } from "../customers/erase-customer.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { CustomerIdSchema } from "./customer-id.ts";
import { invalid, Problem } from "./problem.ts";

export const customers = new Hono<AppEnv>().delete(
  "/:id",
  requireScopes("operations:write"),
  async (c) => {
    const id = v.safeParse(CustomerIdSchema, c.req.param("id"));
    if (!id.success) throw invalid([{ path: "id", message: id.issues[0].message }]);
    switch (await eraseCustomer(c.env, id.output)) {
      case "erased":
        return c.body(null, 204);
      case "unfinished":
        throw new Problem("unfinished_orders");
      case "more":
        throw new Problem("unavailable", { detail: "Not all orders are erased. Repeat the call." });
    }
  },
);
