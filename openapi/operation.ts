import type { ProblemCode } from "../src/orders/http/problem.ts";
import type { Scope } from "../src/orders/http/scopes.ts";
import type { Example, SchemaName } from "./schemas.ts";
import type { HeaderName, ParameterName } from "./parts.ts";
import type { Tag } from "./guide.ts";

/** How an operation is written down in the table. */

export type Method = "get" | "post" | "put" | "delete";
/**
 * `customer`: any valid token; with `scopes`, a service needs one of them for what is not its own.
 * `service`: one of the scopes is required. `feed`: as `customer`, or by subprotocol.
 */
export type Caller = "anyone" | "customer" | "service" | "feed";

export interface Operation {
  /** `operationId`, and the anchor on the page. */
  id: string;
  method: Method;
  path: string;
  tag: Tag;
  summary: string;
  description: string;
  caller: Caller;
  /** Any of these; the scope `operator` stands for all. */
  scopes?: readonly Scope[];
  parameters?: ParameterName[];
  body?: Body;
  answers: Answer[];
  /** Without those that come with the caller, the parameters and the body, and `internal`. */
  problems?: ProblemCode[];
  /** Headers by status; X-Request-Id and those of a problem code come by themselves. */
  headers?: Partial<Record<HeaderName, { always?: number[]; sometimes?: number[] }>>;
}

export interface Body {
  schema: SchemaName;
  isRequired: boolean;
  description: string;
  example: unknown;
}

export interface Answer {
  status: number;
  description: string;
  content?: Content;
}

export type Content =
  | { type: "application/json"; schema: SchemaName; examples: Record<string, NamedExample> }
  | { type: "text/html" | "text/plain"; example: string };

export interface NamedExample {
  summary: string;
  value: unknown;
}

/** An answer of JSON whose examples are checked against the type of the schema. */
export function json<N extends SchemaName>(
  status: number,
  description: string,
  schema: N,
  ...examples: [summary: string, value: Example<N>][]
): Answer {
  const named = examples.map(([summary, value], i) => [`example${i + 1}`, { summary, value }]);
  return {
    status,
    description,
    content: { type: "application/json", schema, examples: Object.fromEntries(named) },
  };
}

/** A body of JSON, with an example that is checked against the type of the schema. */
export function body<N extends SchemaName>(
  schema: N,
  example: Example<N>,
  description: string,
  isRequired = true,
): Body {
  return { schema, isRequired, description, example };
}
