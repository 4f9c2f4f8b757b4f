import type { Context, Env, MiddlewareHandler } from "hono";
import * as v from "valibot";
import { TimeoutError, withTimeout } from "../../runtime/timeout.ts";
import { invalid, Problem, type ValidationError } from "./problem.ts";

/** Bytes of a body that are read at most. */
export const MAX_BODY_BYTES = 65_536;
/** For the whole of it: at the limit above, 35 kbit/s. A client that only trickles is let go. */
const BODY_TIMEOUT_MS = 15_000;
/** Of a header that an answer repeats. */
const MAX_ECHO_CHARS = 100;
/** Errors one answer lists. */
const MAX_ERRORS = 20;

type Schema = v.GenericSchema;
type Validated<T extends "json" | "query" | "header", S extends Schema> = MiddlewareHandler<
  Env,
  string,
  { in: Record<T, v.InferInput<S>>; out: Record<T, v.InferOutput<S>> }
>;

/** The body as JSON that satisfies the schema: else 400, 413 or 415. */
export function body<S extends Schema>(schema: S): Validated<"json", S> {
  return async (c, next) => {
    const type = (c.req.header("Content-Type") ?? "").split(";")[0]?.trim().toLowerCase();
    if (type !== "application/json") throw wrongType();
    c.req.addValidatedData("json", parse(schema, readJson(await readText(c)), pointer));
    await next();
  };
}

/** The same, where no body at all stands for `{}`. */
export function optionalBody<S extends Schema>(schema: S): Validated<"json", S> {
  const required = body(schema);
  return async (c, next) => {
    if (c.req.header("Content-Type")) return required(c, next);
    if ((await readText(c)) !== "") throw wrongType();
    c.req.addValidatedData("json", parse(schema, {}, pointer));
    await next();
  };
}

/** A parameter that comes twice is refused: which of the two was meant, nobody could tell. */
export function query<S extends Schema>(schema: S): Validated<"query", S> {
  return async (c, next) => {
    const doubled = Object.entries(c.req.queries()).filter(([, all]) => all.length > 1);
    if (doubled.length > 0) {
      throw invalid(
        doubled
          .slice(0, MAX_ERRORS)
          .map(([path]) => ({ path, message: "is given more than once" })),
      );
    }
    c.req.addValidatedData("query", parse(schema, c.req.query(), name));
    await next();
  };
}

/** Header names of the schema are in lower case. */
export function headers<S extends Schema>(schema: S): Validated<"header", S> {
  return async (c, next) => {
    c.req.addValidatedData("header", parse(schema, c.req.header(), name));
    await next();
  };
}

/** Reads no more than the limit, whatever Content-Length says or leaves out. */
async function readText(c: Context): Promise<string> {
  refuseCoded(c.req.header("Content-Encoding") ?? "");
  const length = Number(c.req.header("Content-Length") ?? Number.NaN);
  if (length > MAX_BODY_BYTES) throw tooLarge();
  // The runtime ends a body at its known length; one that comes in chunks has to be counted.
  const isCounted = Number.isNaN(length) || c.req.header("Transfer-Encoding") !== undefined;
  const read = () => (isCounted ? readChunks(c.req.raw.body) : c.req.raw.arrayBuffer());
  const bytes = await withTimeout(BODY_TIMEOUT_MS, read, "the body").catch((error: unknown) => {
    if (error instanceof Problem) throw error;
    // Else the stream itself has failed: the client has gone.
    throw error instanceof TimeoutError
      ? tooSlow()
      : invalid([{ path: "", message: "is incomplete" }]);
  });
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid([{ path: "", message: "the body is not UTF-8" }]);
  }
}

/** The header lists codings, in any case of letters; `identity` and an empty one are none. */
function refuseCoded(header: string): void {
  const codings = header.split(",").map((coding) => coding.trim().toLowerCase());
  if (codings.every((coding) => coding === "" || coding === "identity")) return;
  throw new Problem("unsupported_media_type", {
    detail: `Content-Encoding: ${header.slice(0, MAX_ECHO_CHARS)} is not supported. Send the body as it is.`,
    // Tells a client that the coding was at fault, not the type (RFC 9110, 15.5.16; RFC 7694, 3).
    headers: { "Accept-Encoding": "identity" },
  });
}

async function readChunks(stream: ReadableStream<Uint8Array> | null): Promise<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return new Blob(chunks).arrayBuffer();
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

const wrongType = (): Problem =>
  new Problem("unsupported_media_type", { detail: "Content-Type must be application/json." });

const tooLarge = (): Problem =>
  new Problem("payload_too_large", {
    detail: `A body may have at most ${MAX_BODY_BYTES} bytes.`,
  });

const tooSlow = (): Problem =>
  new Problem("invalid_request", {
    detail: `The body did not arrive within ${BODY_TIMEOUT_MS / 1_000} s.`,
  });

function readJson(text: string): unknown {
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
  const errors: ValidationError[] = result.issues
    .slice(0, MAX_ERRORS)
    .map((issue) => ({ path: pathOf(issue), message: issue.message }));
  throw invalid(errors);
}

/** RFC 6901. */
const pointer = (issue: v.BaseIssue<unknown>): string =>
  (issue.path ?? [])
    .map(({ key }) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
const name = (issue: v.BaseIssue<unknown>): string => v.getDotPath(issue) ?? "";
