import type { ProblemCode } from "../src/orders/http/problem.ts";
import type { Scope } from "../src/orders/http/scopes.ts";
import type { Tag } from "./guide.ts";
import type { HeaderName, ParameterName } from "./parts.ts";
import type { Example, SchemaName } from "./schemas.ts";

export type Method = "get" | "post" | "put" | "patch" | "delete";
/**
 * `customer`: any valid token; with `scopes`, a service needs one of them for the orders of others.
 * `service`: one of the scopes is required. `feed`: as `customer`, or with the token as
 * subprotocol.
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
  /** One of these is required. The scope `operator` includes all of them. */
  scopes?: readonly Scope[];
  parameters?: ParameterName[];
  body?: Body;
  answers: Answer[];
  /** Excludes the codes that follow from `caller`, `parameters` and `body`, and `internal`. */
  problems?: ProblemCode[];
  /** Caches keep its responses: they name no request. */
  isCached?: true;
  /** The statuses of each header. X-Request-Id, Cache-Control and those of problem codes are added. */
  headers?: Partial<Record<HeaderName, { always?: number[]; sometimes?: number[] }>>;
}

export interface Body {
  schema: SchemaName;
  isRequired: boolean;
  description: string;
  example: unknown;
  /** If it is not the usual limit. */
  maxBytes?: number;
}

export interface Answer {
  status: number;
  description: string;
  content?: Content | Content[];
}

export type Content =
  | { type: "application/json"; schema: SchemaName; examples: Record<string, NamedExample> }
  /** The schema and each example are of a line. */
  | { type: "application/x-ndjson"; schema: SchemaName; examples: Record<string, NamedExample> }
  | { type: "text/html" | "text/plain" | "text/csv"; example: string };

export interface NamedExample {
  summary: string;
  value: unknown;
}

/** A JSON response. The compiler checks its examples against the type of the schema. */
export function json<N extends SchemaName>(
  status: number,
  description: string,
  schema: N,
  ...examples: [summary: string, value: Example<N>][]
): Answer {
  const content = { type: "application/json", schema, examples: named(examples) } as const;
  return { status, description, content };
}

/** Lines of JSON, with examples of single lines. */
export const ndjson = <N extends SchemaName>(
  schema: N,
  ...examples: [summary: string, value: Example<N>][]
): Content => ({ type: "application/x-ndjson", schema, examples: named(examples) });

const named = (examples: [summary: string, value: unknown][]): Record<string, NamedExample> =>
  Object.fromEntries(
    examples.map(([summary, value], i) => [`example${i + 1}`, { summary, value }]),
  );

/** A JSON body. The compiler checks its example against the type of the schema. */
export function body<N extends SchemaName>(
  schema: N,
  example: Example<N>,
  description: string,
  isRequired = true,
): Body {
  return { schema, isRequired, description, example };
}
