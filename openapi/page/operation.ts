import { html } from "hono/html";
import type {
  Document,
  ExampleObject,
  MediaType,
  OperationObject,
  ParameterObject,
  Reference,
  ResponseObject,
} from "../types.ts";
import { curl } from "./curl.ts";
import { type Html, inline, markdown, nothing, pre } from "./markdown.ts";
import { members, typeText } from "./schema.ts";

/** One call of the contract. */
export interface Call {
  method: string;
  path: string;
  operation: OperationObject;
}

export function operationSection(call: Call, document: Document): Html {
  const { method, path, operation } = call;
  const { operationId: id, summary, description, security, requestBody } = operation;
  const parameters = (operation.parameters ?? []).map((ref) => parameterOf(ref, document));
  return html`<article id="${id}" class="operation">
    <h3><a href="#${id}">${summary}</a></h3>
    <p class="call">
      <span class="method ${method}">${method.toUpperCase()}</span> <code>${path}</code>
      <span class="who">${who(security)}</span>
    </p>
    ${markdown(description)}
    ${
      parameters.length > 0
        ? html`<h4>Parameters</h4>
            <dl>${parameters.map(parameter)}</dl>`
        : nothing
    }
    ${requestBody ? body(requestBody.description, requestBody.content, document) : nothing}
    <h4>Answers</h4>
    <dl class="answers">
      ${Object.entries(operation.responses).map(([status, response]) =>
        answer(status, response, document),
      )}
    </dl>
    <details>
      <summary>With curl</summary>
      ${pre(curl(call, parameters))}
    </details>
  </article>`;
}

function who(security: Record<string, string[]>[]): string {
  if (security.length === 0) return "anyone";
  const scopes = security.flatMap(({ bearer = [] }) => bearer);
  const isCustomer = security.some(({ bearer }) => bearer?.length === 0);
  return [...(isCustomer ? ["customer"] : []), ...scopes].join(" or ");
}

function parameterOf({ $ref }: Reference, document: Document): ParameterObject {
  const found = document.components.parameters[nameOf($ref)];
  if (!found) throw new Error(`${$ref} does not exist`);
  return found;
}

function parameter({ name, in: place, description, required, schema }: ParameterObject): Html {
  return html`<dt><code>${name}</code> <small>${place}${required ? "" : ", optional"}</small></dt>
    <dd><span class="type">${typeText(schema)}</span><br />${inline(description)}</dd>`;
}

function body(description: string, content: Record<string, MediaType>, document: Document): Html {
  return html`<h4>Body</h4>
    <p>${inline(description)}</p>
    ${Object.values(content).map(({ schema, examples = {} }) => {
      const name = "$ref" in schema && schema.$ref ? nameOf(schema.$ref) : "";
      const found = document.components.schemas[name];
      return html`${found ? html`<dl>${members(found)}</dl>` : nothing}${Object.values(
        examples,
      ).map((example) => pre(shown(valueOf(example, document).value)))}`;
    })}`;
}

function answer(status: string, response: ResponseObject, document: Document): Html {
  const { headers, content = {} } = response;
  const codes = Object.keys(content["application/problem+json"]?.examples ?? {});
  return html`<dt><span class="status s${status.slice(0, 1)}">${status}</span></dt>
    <dd>
      ${codes.length > 0 ? problems(codes) : markdown(response.description)}
      ${headerLine(headers, document)}
      ${Object.entries(content)
        .filter(([type]) => type !== "application/problem+json")
        .map(([type, media]) => success(type, media, document))}
    </dd>`;
}

const problems = (codes: string[]): Html =>
  html`<p>
    ${codes.map((code, i) => html`${i > 0 ? ", " : ""}<a href="#${code}"><code>${code}</code></a>`)}
  </p>`;

/** Leaves out X-Request-Id, which every response has. */
function headerLine(headers: Record<string, Reference>, document: Document): Html {
  const shownHeaders = Object.entries(headers).filter(([name]) => name !== "X-Request-Id");
  if (shownHeaders.length === 0) return nothing;
  return html`<p class="headers">
    ${shownHeaders.map(([name, { $ref }], i) => {
      const isSure = document.components.headers[nameOf($ref)]?.required;
      return html`${i > 0 ? ", " : ""}<code>${name}</code>${isSure ? "" : " (sometimes)"}`;
    })}
  </p>`;
}

function success(type: string, { schema, examples = {}, example }: MediaType, document: Document) {
  const found = Object.values(examples).map((one) => valueOf(one, document));
  return html`<p><span class="type">${type}: ${typeText(schema)}</span></p>
    ${example === undefined ? nothing : pre(example)}
    ${found.map(
      ({ summary, value }) =>
        html`<details>
          <summary>${summary}</summary>
          ${pre(shown(value))}
        </details>`,
    )}`;
}

function valueOf(example: ExampleObject | Reference, document: Document): ExampleObject {
  if (!("$ref" in example)) return example;
  const found = document.components.examples[nameOf(example.$ref)];
  if (!found) throw new Error(`${example.$ref} does not exist`);
  return found;
}

const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf("/") + 1);

/** Longer lists of an example are shortened on the page; openapi.json has all entries. */
const MAX_ENTRIES = 3;

/** Formats JSON for reading. Of a long list it shows only the last entry, the newest of a series. */
export function shown(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_, one: unknown) => {
      if (!Array.isArray(one) || one.length <= MAX_ENTRIES) return one;
      return [`… ${one.length - 1} more …`, one.at(-1)];
    },
    2,
  );
  return text.replace(/"(… \d+ more …)"/g, "$1");
}
