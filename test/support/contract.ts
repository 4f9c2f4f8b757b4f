import formats from "ajv-formats";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { Document, OperationObject, SchemaObject } from "../../openapi/types.ts";

/** One operation of the contract, with its place in it. */
export interface Call {
  method: string;
  path: string;
  operation: OperationObject;
}

export const callsOf = (document: Document): Call[] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
  );

/** What is wrong with a value; empty: nothing. */
export type SchemaChecker = (schema: SchemaObject, value: unknown) => string[];

/**
 * Checks values against schemas of the document. To clients its objects are open, so that members
 * can be added; here they are closed, so that a member nobody has described is found.
 */
export function schemaChecker(document: Document): SchemaChecker {
  const ajv = new Ajv2020({ allErrors: true, strict: true });
  // Strict, but for the words that OpenAPI adds.
  ajv.addVocabulary(["components", "discriminator"]);
  (formats as unknown as typeof formats.default)(ajv);
  ajv.addSchema({ $id: "contract", components: { schemas: closed(document.components.schemas) } });
  const compiled = new Map<string, ValidateFunction>();
  return (schema, value) => {
    const text = JSON.stringify(schema).replaceAll('"#/', '"contract#/');
    const validate = compiled.get(text) ?? ajv.compile(closed(JSON.parse(text)) as object);
    compiled.set(text, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${instancePath || "/"} ${message} ${JSON.stringify(params)}`,
    );
  };
}

/** Every object of these schemas without room for further members; a loose one says so itself. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const parts = Object.entries(schema).map(([key, part]) => [key, closed(part)]);
  const isOpen = "properties" in schema && !("additionalProperties" in schema);
  return { ...Object.fromEntries(parts), ...(isOpen && { additionalProperties: false }) };
}
