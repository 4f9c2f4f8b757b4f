import * as v from "valibot";
import { SkuSchema } from "../../contract/sku.ts";
import { PROBLEMS, type ProblemCode, type ValidationError } from "./problem.ts";
import { issuesOf } from "./validation.ts";

/** Calls with many lines: each line has an outcome, and a bad one stops no other. */

/** Lines of one call. */
export const MAX_BULK_LINES = 500;
export const MAX_BULK_BYTES = 1_048_576;

/** The outcome of a line: the status and code that a call for this line alone would have. */
export interface LineResult {
  /** Null: the line names none that can be read. */
  sku: string | null;
  status: number;
  code?: ProblemCode;
  errors?: ValidationError[];
}

export const failed = (
  sku: string | null,
  code: ProblemCode,
  errors?: ValidationError[],
): LineResult => ({ sku, status: PROBLEMS[code][0], code, ...(errors && { errors }) });

/** The lines as they were sent: each is validated by itself. */
export const BulkLinesSchema = v.pipe(
  v.array(v.unknown()),
  v.minLength(1, "must have a line at least"),
  v.maxLength(MAX_BULK_LINES, `must have at most ${MAX_BULK_LINES} lines`),
);

export type Line<T> = { sku: string; value: T };

/**
 * Reads lines of the shape `{sku, ...rest}`. Returns those that are valid by their index, and the
 * results of the others. Of two lines with one SKU the second is not valid.
 */
export function readLines<T>(
  lines: readonly unknown[],
  schema: v.GenericSchema<unknown, T>,
): { valid: Map<number, Line<T>>; results: Map<number, LineResult> } {
  const valid = new Map<number, Line<T>>();
  const results = new Map<number, LineResult>();
  const seen = new Map<string, number>();
  for (const [i, line] of lines.entries()) {
    const { sku: named, ...rest } = (isObject(line) ? line : {}) as { sku?: unknown };
    const sku = v.safeParse(SkuSchema, named);
    if (!isObject(line) || !sku.success) {
      const message = isObject(line) ? (sku.issues?.[0]?.message ?? "") : "must be an object";
      const path = isObject(line) ? "/sku" : "";
      results.set(i, failed(null, "invalid_request", [{ path, message }]));
      continue;
    }
    const first = seen.get(sku.output);
    const value = v.safeParse(schema, rest);
    if (first !== undefined) {
      const message = `is in line ${first} already`;
      results.set(i, failed(sku.output, "invalid_request", [{ path: "/sku", message }]));
    } else if (value.success) {
      valid.set(i, { sku: sku.output, value: value.output });
    } else {
      results.set(i, failed(sku.output, "invalid_request", issuesOf(value.issues)));
    }
    if (first === undefined) seen.set(sku.output, i);
  }
  return { valid, results };
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
