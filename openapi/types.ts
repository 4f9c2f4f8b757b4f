import type { JsonSchema } from "@valibot/to-json-schema";
import type { Method } from "./operation.ts";

/** The parts of an OpenAPI 3.1 document that document.ts writes and the page reads. */

export interface Reference {
  $ref: string;
}

export type SchemaObject =
  | JsonSchema
  | {
      type: "object";
      oneOf: Reference[];
      discriminator: { propertyName: string; mapping: Record<string, string> };
    };

export interface ExampleObject {
  summary: string;
  description?: string;
  value: unknown;
}

export interface MediaType {
  schema: SchemaObject;
  example?: string;
  examples?: Record<string, ExampleObject | Reference>;
}

export interface HeaderObject {
  description: string;
  required?: boolean;
  schema: JsonSchema;
  example: string;
}

export interface ResponseObject {
  description: string;
  headers: Record<string, Reference>;
  content?: Record<string, MediaType>;
}

export interface ParameterObject {
  name: string;
  in: "path" | "query" | "header";
  description: string;
  required?: boolean;
  schema: JsonSchema;
  example: string | number;
}

export interface RequestBody {
  description: string;
  required: boolean;
  content: Record<string, MediaType>;
}

export interface OperationObject {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  security: Record<string, string[]>[];
  parameters?: Reference[];
  requestBody?: RequestBody;
  responses: Record<string, ResponseObject>;
}

export interface Document {
  openapi: "3.1.1";
  info: {
    title: string;
    version: string;
    summary: string;
    description: string;
    license: { name: string; identifier: string };
  };
  servers: { url: string; description: string }[];
  tags: { name: string; description: string }[];
  paths: Record<string, Partial<Record<Method, OperationObject>>>;
  components: {
    securitySchemes: Record<string, Record<string, string>>;
    parameters: Record<string, ParameterObject>;
    headers: Record<string, HeaderObject>;
    schemas: Record<string, JsonSchema>;
    examples: Record<string, ExampleObject>;
    responses: Record<string, ResponseObject>;
  };
}
