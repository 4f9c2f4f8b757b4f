import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { openApiDocument } from "../../openapi/document.ts";
import { contractFiles, referencePage } from "../../openapi/files.ts";
import type { MediaType, Reference } from "../../openapi/types.ts";
import { app } from "../../src/orders/http/app.ts";
import { PROBLEMS } from "../../src/orders/http/problem.ts";
import { callsOf, schemaChecker } from "../support/contract.ts";

const document = openApiDocument();
const calls = callsOf(document);
const { examples, parameters, schemas } = document.components;
const check = schemaChecker(document);

test("every route of the app is in the document, and the other way round", () => {
  const routes = app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  const documented = calls.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect(documented.toSorted()).toEqual([...new Set(routes)].toSorted());
  const ids = calls.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test("every path parameter is described, and no other", () => {
  for (const { path, operation } of calls) {
    const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const described = (operation.parameters ?? [])
      .map(({ $ref }) => parameters[$ref.split("/").at(-1)!]!)
      .filter((parameter) => parameter.in === "path");
    expect(described.map(({ name }) => name)).toEqual(wanted);
  }
});

test("the document is valid OpenAPI 3.1, and every reference leads somewhere", async () => {
  const text = JSON.stringify(document);
  expect(await new Validator().validate(JSON.parse(text))).toEqual({ valid: true });
  const astray = [...text.matchAll(/"#\/([^"]+)"/g)].filter(([, path]) => {
    const parts = path!.split("/");
    const step = (part: unknown, key: string) => (part as Record<string, unknown>)?.[key];
    return parts.reduce<unknown>(step, document) === undefined;
  });
  expect(astray).toEqual([]);
});

test("every problem code is documented where it is answered, and has its place on the page", async () => {
  const page = (await referencePage())["docs.html"]!;
  const { responses } = document.components;
  const all = [
    ...Object.values(responses),
    ...calls.flatMap((c) => Object.values(c.operation.responses)),
  ];
  const answered = new Set(
    all.flatMap(({ content }) =>
      Object.keys(content?.["application/problem+json"]?.examples ?? {}),
    ),
  );
  const codes = Object.keys(PROBLEMS);
  expect([...answered].toSorted()).toEqual(codes.toSorted());
  expect(codes.filter((code) => !page.includes(`id="${code}"`))).toEqual([]);
});

test("every link of the page leads to something on it, and it runs no script", async () => {
  const page = (await referencePage())["docs.html"]!;
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(id);
  expect(page).not.toMatch(/<script|<style| style=| on\w+=|(src|href)="(https?:)?\/\//);
});

describe("examples", () => {
  const value = (example: { value: unknown } | Reference) =>
    "$ref" in example ? examples[example.$ref.split("/").at(-1)!]!.value : example.value;
  /** What is wrong with the examples; to have none is wrong too. */
  const faults = (type: string, { schema, example, examples: own = {} }: MediaType) => {
    const values = Object.values(own).map(value);
    if (values.length === 0 && example === undefined) return ["no example"];
    return type.endsWith("json") ? values.flatMap((one) => check(schema, one)) : [];
  };

  test.each(calls.map((call) => [call.operation.operationId, call.operation] as const))(
    "%s: each request and answer has one that fits its schema",
    (_, { requestBody, responses }) => {
      const contents = [requestBody, ...Object.values(responses)].map((one) => one?.content ?? {});
      const all = contents.flatMap((content) => Object.entries(content));
      expect(all.flatMap(([type, media]) => faults(type, media))).toEqual([]);
    },
  );

  test("each parameter has one that fits its schema", () => {
    const all = Object.values(parameters);
    expect(all.flatMap(({ schema, example }) => check(schema, example))).toEqual([]);
  });

  test("each code's fits its schema and no other's", () => {
    for (const [code, { value: example }] of Object.entries(examples)) {
      const fitting = Object.keys(schemas).filter(
        (name) => name.endsWith("Problem") && check(schemas[name]!, example).length === 0,
      );
      expect(fitting.map((name) => name.toLowerCase())).toEqual([
        `${code.replaceAll("_", "")}problem`,
      ]);
    }
  });
});

test("the files that git keeps are what `npm run openapi` writes", () => {
  const stale = Object.entries(contractFiles()).filter(
    ([name, text]) => readFileSync(join(import.meta.dirname, "../..", name), "utf8") !== text,
  );
  expect(stale.map(([name]) => name)).toEqual([]);
});
