import type { JsonSchema } from "@valibot/to-json-schema";
import { html } from "hono/html";
import type { Document, SchemaObject } from "../types.ts";
import { type Html, inline, nothing } from "./markdown.ts";

/** Renders schemas as text: one line for a type, a list for an object's members. */

/** Longer enums show only their first and last value; openapi.json has all values. */
const MAX_SHOWN = 20;

export function typeText(schema: SchemaObject | boolean): Html {
  if (typeof schema === "boolean") return html`anything`;
  if ("$ref" in schema && schema.$ref !== undefined) return schemaLink(schema.$ref);
  const either = ("anyOf" in schema && schema.anyOf) || schema.oneOf;
  if (either) {
    return html`${either.map((one, i) => html`${i > 0 ? " or " : ""}${typeText(one)}`)}`;
  }
  if (!isPlain(schema)) return html`anything`;
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.enum && schema.enum.length > MAX_SHOWN) {
    const [first, last] = [schema.enum[0], schema.enum.at(-1)];
    return html`one of ${schema.enum.length}, <code>${JSON.stringify(first)}</code> to
      <code>${JSON.stringify(last)}</code>`;
  }
  if (schema.enum) {
    return html`${schema.enum.map(
      (value, i) => html`${i > 0 ? " | " : ""}<code>${JSON.stringify(value)}</code>`,
    )}`;
  }
  if (schema.type === "array" && schema.items !== undefined && !Array.isArray(schema.items)) {
    return html`array of ${typeText(schema.items)}${bounds(schema)}`;
  }
  if (schema.type === "object" && schema.properties) {
    return html`object`;
  }
  return html`${schema.type ?? "anything"}${bounds(schema)}`;
}

const isPlain = (schema: SchemaObject): schema is JsonSchema => !("discriminator" in schema);

function bounds(schema: JsonSchema): Html {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, format, pattern } = schema;
  const words = [
    ...(format === undefined ? [] : [format]),
    ...range(minimum, maximum, ""),
    ...range(minLength, maxLength, " characters"),
    ...range(minItems, maxItems, " entries"),
    ...(schema.default === undefined ? [] : [`default ${JSON.stringify(schema.default)}`]),
  ];
  const shown = words.map((word) => `, ${word}`).join("");
  // A format makes its pattern redundant.
  const isShown = pattern !== undefined && format === undefined;
  return html`${shown}${isShown ? html`, <code>${pattern}</code>` : nothing}`;
}

function range(from: number | undefined, to: number | undefined, unit: string): string[] {
  if (from !== undefined && from === to) return [`${from}${unit}`];
  if (from !== undefined && to !== undefined) return [`${from} to ${to}${unit}`];
  if (from !== undefined) return [`at least ${from}${unit}`];
  return to === undefined ? [] : [`at most ${to}${unit}`];
}

function schemaLink(ref: string): Html {
  const name = ref.slice(ref.lastIndexOf("/") + 1);
  return html`<a href="#schema-${name}">${name}</a>`;
}

/** The members of an object and of nested objects: `price.amount`, `lines[].sku`. */
export function members(schema: JsonSchema, prefix = ""): Html {
  const required = new Set(schema.required);
  return html`${Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const isOptional = !required.has(name);
    const own = field(`${prefix}${name}`, property, isOptional);
    const inner = innerObject(property);
    return inner ? html`${own}${members(inner.schema, `${prefix}${name}${inner.sign}`)}` : own;
  })}`;
}

function innerObject(property: JsonSchema | boolean) {
  if (typeof property === "boolean" || property.$ref) return undefined;
  if (property.properties) return { schema: property, sign: "." };
  const { items } = property;
  if (typeof items !== "object" || Array.isArray(items) || items.$ref) return undefined;
  return items.properties ? { schema: items, sign: "[]." } : undefined;
}

function field(name: string, schema: JsonSchema | boolean, isOptional: boolean): Html {
  const description = typeof schema === "object" ? schema.description : undefined;
  return html`<dt><code>${name}</code>${isOptional ? html` <small>optional</small>` : nothing}</dt>
    <dd>
      <span class="type">${typeText(schema)}</span>${
        description === undefined ? nothing : html`<br />${inline(description)}`
      }
    </dd>`;
}

export function schemaSection(document: Document): Html {
  const shown = Object.entries(document.components.schemas).filter(
    ([name]) => !name.endsWith("Problem"),
  );
  return html`<section>
    <h2 id="schemas"><a href="#schemas">Schemas</a></h2>
    ${shown.map(
      ([name, schema]) =>
        html`<article id="schema-${name}" class="schema">
          <h3><a href="#schema-${name}">${name}</a></h3>
          <p>
            ${inline(schema.description ?? "")}${
              schema.properties ? nothing : html` ${typeText(schema)}`
            }
          </p>
          ${schema.properties ? html`<dl>${members(schema)}</dl>` : nothing}
        </article>`,
    )}
  </section>`;
}
