import {
  type ConversionConfig,
  type JsonSchema,
  toJsonSchema,
  toJsonSchemaDefs,
} from "@valibot/to-json-schema";
import type * as v from "valibot";
import { FIELDS } from "./fields.ts";
import { CODES, problemName, problemSchema } from "./problems.ts";
import { SCHEMAS } from "./schemas.ts";

/** valibot → JSON Schema 2020-12, which is what OpenAPI 3.1 uses. */

const config = {
  target: "draft-2020-12",
  typeMode: "input",
  // JSON Schema cannot express these, so the descriptions do. Any other unknown action throws.
  ignoreActions: ["check", "trim", "to_lower_case"],
  overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
} satisfies ConversionConfig;

const problems = Object.fromEntries(
  CODES.map((code): [string, v.GenericSchema] => [problemName(code), problemSchema(code)]),
);

/** Converts every component schema. A schema refers to the others that it contains. */
export function componentSchemas(): Record<string, JsonSchema> {
  const converted = toJsonSchemaDefs({ ...SCHEMAS, ...problems }, config);
  return Object.fromEntries(
    Object.entries(converted).map(([name, schema]) => [name, described(name, schema)]),
  );
}

/** The schema of a parameter's text (`input`), or of its value after the transform (`output`). */
export function parameterSchema(schema: v.GenericSchema, side: "input" | "output"): JsonSchema {
  const { $schema: _, ...converted } = toJsonSchema(schema, { ...config, typeMode: side });
  if (converted.type !== "integer" || converted.default === undefined) return converted;
  return { ...converted, default: Number(converted.default) };
}

function described(name: string, schema: JsonSchema): JsonSchema {
  const { "": description, ...fields } = FIELDS[name] ?? {};
  const properties = { ...schema.properties };
  for (const [field, text] of Object.entries(fields)) {
    const property = properties[field];
    if (typeof property !== "object") throw new Error(`${name} has no member ${field}`);
    properties[field] = { ...property, description: text };
  }
  return {
    ...schema,
    ...(description !== undefined && { description }),
    ...(schema.properties && { properties }),
  };
}
