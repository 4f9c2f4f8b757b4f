import type { ParameterObject } from "../types.ts";
import type { Call } from "./operation.ts";

/** A curl command for the call, with the examples of the contract. */
export function curl({ method, path, operation }: Call, parameters: ParameterObject[]): string {
  const examples = new Map(parameters.map(({ name, example }) => [name, example]));
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => `${examples.get(name) ?? name}`);
  const isFeed = operation.security.some((one) => "subprotocol" in one);
  const headers = [
    ...(operation.security.length > 0 ? ["Authorization: Bearer $TOKEN"] : []),
    ...parameters
      .filter(({ in: place, name }) => place === "header" && !name.startsWith("Sec-"))
      .map(({ name, example }) => `${name}: ${example}`),
    ...(isFeed ? ["Sec-WebSocket-Protocol: lockstock.v1"] : []),
  ];
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.examples?.["example1"];
  const lines = [
    `curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}"$BASE${url}"`,
    ...headers.map((header) => `-H "${header}"`),
    ...(body && "value" in body
      ? ['-H "Content-Type: application/json"', `-d '${JSON.stringify(body.value)}'`]
      : []),
  ];
  if (isFeed) lines[0] = `curl --no-buffer "\${BASE/http/ws}${url}"`;
  return lines.join(" \\\n  ");
}
