import { describe, expect, it } from "vitest";
import { openApiDocument } from "../../openapi/document.ts";
import { placesIn } from "../hostile/support/inputs.ts";
import { ROUTES, nameOf } from "../hostile/support/routes.ts";
import { callsOf } from "../support/contract.ts";

/** What the hostile tests send is made from examples: these have to show all that a schema has. */

const document = openApiDocument();
const { parameters, schemas } = document.components;
const FUZZED_HEADERS = [
  "Accept",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  "Prefer",
  "Sec-WebSocket-Protocol",
  "Stripe-Signature",
  "traceparent",
];

interface Schema {
  $ref?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
}

/** The places of a schema's values, as paths of keys; a list has one element. */
function placesOf(schema: Schema, path: string[] = []): string[] {
  const { $ref, properties = {}, items, anyOf = [] } = schema;
  const referred = $ref === undefined ? undefined : schemas[$ref.split("/").at(-1) ?? ""];
  const below = [
    ...Object.entries(properties).flatMap(([key, one]) => placesOf(one, [...path, key])),
    ...(items ? placesOf(items, [...path, "0"]) : []),
    ...[...anyOf, ...(referred ? [referred as Schema] : [])].flatMap((one) => placesOf(one, path)),
  ];
  return [...new Set([path.join("."), ...below])].toSorted();
}

describe("what is fuzzed has every part that the API's description has:", () => {
  it.each(ROUTES.map((route) => [nameOf(route), route] as const))("%s", (_, route) => {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    const described = callsOf(document).find(
      (each) => each.path === path && each.method === route.method.toLowerCase(),
    );
    const operation = described!.operation;
    // What the token matrix is tried with is what the description says.
    const caller = operation.security.map(({ bearer = [], subprotocol }) =>
      subprotocol ? [] : (bearer[0] ?? "customer"),
    );
    expect(caller.flat()).toEqual([
      ...(route.who === "customer" ? ["customer"] : []),
      ...(route.scopes ? [...route.scopes, "operator"] : []),
    ]);
    const own = (operation.parameters ?? []).map(
      ({ $ref }) => parameters[$ref.split("/").at(-1)!]!,
    );
    const named = (where: string) =>
      own.filter((parameter) => parameter.in === where).map(({ name }) => name);
    expect(named("query").toSorted()).toEqual([...(route.query ?? [])].toSorted());
    expect(named("header").filter((name) => !FUZZED_HEADERS.includes(name))).toEqual([]);
    const body = operation.requestBody?.content["application/json"]?.schema;
    const sent = route.body && placesIn(route.body).map((place) => place.join("."));
    // An example's object in a list stands for all of them.
    expect(sent && [...allPrefixes(sent)].toSorted()).toEqual(body && placesOf(body as Schema));
  });
});

function allPrefixes(places: readonly string[]): Set<string> {
  const prefixes = places.flatMap((place) => {
    const keys = place.split(".");
    return keys.map((_, i) => keys.slice(0, i).join(".")).concat(place);
  });
  return new Set(prefixes);
}
