import { SCOPES } from "../src/orders/http/scopes.ts";
import type { Operation } from "./operation.ts";
import { OPERATIONS } from "./operations/index.ts";

/** The tables of docs/authorization.md: the scopes, and the routes that accept each. */

const BLOCK = /<!-- rights -->\n[^]*?<!-- end of rights -->/;

/** The document with its tables generated from the description of the API. */
export function withRights(document: string): string {
  if (!BLOCK.test(document))
    throw new Error("the document has no markers for the tables of rights");
  const block = `<!-- rights -->\n\n${scopeTable()}\n\n${routeTable()}\n\n<!-- end of rights -->`;
  return document.replace(BLOCK, () => block);
}

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const scopeTable = (): string =>
  table(
    ["scope", "allows to"],
    Object.entries(SCOPES).map(([scope, allows]) => [`\`${scope}\``, allows]),
  );

const routeTable = (): string =>
  table(
    ["route", "customer", "service"],
    OPERATIONS.map((operation) => {
      const { method, path } = operation;
      return [`\`${method.toUpperCase()} ${path}\``, customer(operation), service(operation)];
    }),
  );

const customer = ({ caller }: Operation): string =>
  ({ anyone: "anyone", customer: "own", feed: "own", service: "403" })[caller];

function service({ caller, scopes = [], id }: Operation): string {
  if (caller === "anyone") return "anyone";
  const needed = scopes.map((scope) => `\`${scope}\``).join(" or ");
  if (needed === "") return "own";
  return caller === "customer" && id !== "placeOrder" ? `own, or ${needed}` : needed;
}
