import type { Context, Env, MiddlewareHandler } from "hono";
import * as v from "valibot";
import { TimeoutError, withTimeout } from "../../runtime/timeout.ts";
import { invalid, Problem, type ValidationError } from "./problem.ts";

export const MAX_BODY_BYTES = 65_536;
/** For the whole body; the largest one needs 35 kbit/s. Ends requests that send very slowly. */
const BODY_TIMEOUT_MS = 15_000;
/** Of a request header that a response repeats. */
const MAX_ECHO_CHARS = 100;
/** Errors that one response lists. */
const MAX_ERRORS = 20;

type Schema = v.GenericSchema;
type Validated<T extends "json" | "query" | "header", S extends Schema> = MiddlewareHandler<
  Env,
  string,
  { in: Record<T, v.InferInput<S>>; out: Record<T, v.InferOutput<S>> }
>;

const JSON_TYPE = "application/json";

interface BodyOptions {
  types?: readonly string[];
  maxBytes?: number;
}

/** Validates a JSON body. Answers 400, 413 or 415 when it is not valid. */
export function body<S extends Schema>(schema: S, options?: BodyOptions): Validated<"json", S> {
  return async (c, next) => {
    c.req.addValidatedData("json", await readJson(c, schema, options));
    await next();
  };
}

/** Validates a JSON body as `body` does, except that an absent body means `{}`. */
export function optionalBody<S extends Schema>(schema: S): Validated<"json", S> {
  return async (c, next) => {
    c.req.addValidatedData("json", await readOptionalJson(c, schema));
    await next();
  };
}

async function readJson<S extends Schema>(
  c: Context,
  schema: S,
  { types = [JSON_TYPE], maxBytes = MAX_BODY_BYTES }: BodyOptions = {},
): Promise<v.InferOutput<S> & object> {
  const type = (c.req.header("Content-Type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (!types.includes(type ?? "")) throw wrongType(types);
  return parse(schema, parseJson(await readBodyText(c, maxBytes)), jsonPointer);
}

/** What `optionalBody` validates, for a route that has a body only under some settings. */
export async function readOptionalJson<S extends Schema>(
  c: Context,
  schema: S,
): Promise<v.InferOutput<S> & object> {
  if (c.req.header("Content-Type")) return readJson(c, schema);
  if ((await readBodyText(c)) !== "") throw wrongType([JSON_TYPE]);
  return parse(schema, {}, jsonPointer);
}

/** Validates the query. A repeated parameter is rejected, since its meaning would be ambiguous. */
export function query<S extends Schema>(schema: S): Validated<"query", S> {
  return async (c, next) => {
    const repeated = Object.entries(c.req.queries())
      .filter(([, values]) => values.length > 1)
      .map(([path]) => ({ path, message: "is given more than once" }));
    if (repeated.length > 0) throw invalid(repeated.slice(0, MAX_ERRORS));
    c.req.addValidatedData("query", parse(schema, c.req.query(), fieldName));
    await next();
  };
}

/** Validates the headers that the schema names, in lower case. */
export function headers<S extends Schema & { entries: object }>(schema: S): Validated<"header", S> {
  const names = Object.keys(schema.entries);
  return async (c, next) => {
    // One by one: Hono would copy all headers of the request.
    const given: Record<string, string> = {};
    for (const name of names) {
      const value = c.req.header(name);
      if (value !== undefined) given[name] = value;
    }
    c.req.addValidatedData("header", parse(schema, given, fieldName));
    await next();
  };
}

async function readBodyText(c: Context, max_bytes = MAX_BODY_BYTES): Promise<string> {
  return decodeUtf8(await readBody(c, max_bytes));
}

/** Reads at most `max_bytes`, even if Content-Length is wrong or missing. */
export async function readBody(c: Context, max_bytes: number): Promise<ArrayBuffer> {
  rejectContentEncoding(c.req.header("Content-Encoding") ?? "");
  const length = Number(c.req.header("Content-Length") ?? Number.NaN);
  if (length > max_bytes) throw tooLarge(max_bytes);
  // The runtime ends a body at its Content-Length; a chunked body has to be counted here.
  const isCounted = Number.isNaN(length) || c.req.header("Transfer-Encoding") !== undefined;
  const { raw } = c.req;
  const read = () => (isCounted ? readBounded(raw.body, max_bytes) : raw.arrayBuffer());
  const bytes = await withTimeout(BODY_TIMEOUT_MS, read, "the body").catch((error: unknown) => {
    // Any other error than a timeout comes from the stream: the client has disconnected.
    if (!(error instanceof TimeoutError)) throw invalid([{ path: "", message: "is incomplete" }]);
    const detail = `The body did not arrive within ${BODY_TIMEOUT_MS / 1_000} s.`;
    throw new Problem("invalid_request", { detail });
  });
  if (bytes === null) throw tooLarge(max_bytes);
  return bytes;
}

export function decodeUtf8(bytes: ArrayBuffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid([{ path: "", message: "the body is not UTF-8" }]);
  }
}

/** Rejects compressed bodies. `identity`, in any case, and empty entries mean no coding. */
function rejectContentEncoding(header: string): void {
  const codings = header.split(",").map((coding) => coding.trim().toLowerCase());
  if (codings.every((coding) => coding === "" || coding === "identity")) return;
  throw new Problem("unsupported_media_type", {
    detail: `Content-Encoding: ${header.slice(0, MAX_ECHO_CHARS)} is not supported. Send the body as it is.`,
    // Shows that the coding caused the 415, not the type (RFC 9110, 15.5.16; RFC 7694, 3).
    headers: { "Accept-Encoding": "identity" },
  });
}

/** Reads a whole stream; null when it has more than `max_bytes`. */
export async function readBounded(
  stream: ReadableStream<Uint8Array> | null,
  max_bytes: number,
): Promise<ArrayBuffer | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength;
    if (size > max_bytes) return null;
    chunks.push(chunk);
  }
  return new Blob(chunks).arrayBuffer();
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

const wrongType = (types: readonly string[]): Problem =>
  new Problem("unsupported_media_type", { detail: `Content-Type must be ${types.join(" or ")}.` });

const tooLarge = (max_bytes: number): Problem =>
  new Problem("payload_too_large", { detail: `A body may have at most ${max_bytes} bytes.` });

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid([{ path: "", message: "the body is not JSON" }]);
  }
}

function parse<S extends Schema>(
  schema: S,
  value: unknown,
  pathOf: (issue: v.BaseIssue<unknown>) => string,
): v.InferOutput<S> & object {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output as v.InferOutput<S> & object;
  throw invalid(issuesOf(result.issues, pathOf));
}

export const issuesOf = (
  issues: readonly v.BaseIssue<unknown>[],
  pathOf = jsonPointer,
): ValidationError[] =>
  issues.slice(0, MAX_ERRORS).map((issue) => ({ path: pathOf(issue), message: issue.message }));

/** The path of an issue as a JSON pointer (RFC 6901). */
const jsonPointer = (issue: v.BaseIssue<unknown>): string =>
  (issue.path ?? [])
    .map(({ key }) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
const fieldName = (issue: v.BaseIssue<unknown>): string => v.getDotPath(issue) ?? "";
