import type { Document, ResponseObject } from "../../openapi/types.ts";
import { type Call, schemaChecker } from "./contract.ts";

/** A real answer, read to its end. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** What is wrong with an answer to a call; empty: it is as the document says. */
export type AnswerChecker = (call: Call, answer: Answer) => string[];

export function answerChecker(document: Document): AnswerChecker {
  const check = schemaChecker(document);
  const known = Object.keys(document.components.headers).filter((n) => !n.startsWith("Optional-"));

  function headerFaults({ headers: described }: ResponseObject, headers: Headers): string[] {
    return known.flatMap((name) => {
      const $ref = described[name]?.$ref;
      if ($ref === undefined) return headers.has(name) ? [`header ${name} is not described`] : [];
      const isRequired = document.components.headers[$ref.split("/").at(-1)!]?.required;
      return isRequired && !headers.has(name) ? [`header ${name} is missing`] : [];
    });
  }

  function contentFaults({ content = {} }: ResponseObject, { headers, text }: Answer): string[] {
    if (Object.keys(content).length === 0) return text === "" ? [] : [`a body: ${text}`];
    const type = headers.get("Content-Type")?.split(";")[0] ?? "none";
    const media = content[type];
    if (!media) return [`content type ${type} is not described`];
    if (type === "application/x-ndjson") {
      const lines = text.trimEnd().split("\n");
      return lines.flatMap((line) => check(media.schema, JSON.parse(line)));
    }
    return check(media.schema, type.endsWith("json") ? JSON.parse(text) : text);
  }

  return ({ operation }, answer) => {
    const response = operation.responses[answer.status];
    if (!response) return [`status ${answer.status} is not described`];
    return [...headerFaults(response, answer.headers), ...contentFaults(response, answer)];
  };
}
