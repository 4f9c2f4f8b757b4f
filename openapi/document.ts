import { PROBLEMS, type ProblemCode } from "../src/orders/http/problem.ts";
import { OPERATOR } from "../src/orders/http/scopes.ts";
import { MAX_BODY_BYTES } from "../src/orders/http/validation.ts";
import { componentSchemas, parameterSchema } from "./convert.ts";
import { INTRODUCTION, TAGS } from "./guide.ts";
import type { Answer, Body, Content, Operation } from "./operation.ts";
import { OPERATIONS } from "./operations/index.ts";
import { type HeaderName, HEADERS, type Parameter, PARAMETERS } from "./parts.ts";
import { CODES, PROBLEM_DOCS, problemExample, problemName } from "./problems.ts";
import type {
  Document,
  HeaderObject,
  MediaType,
  OperationObject,
  Reference,
  ResponseObject,
} from "./types.ts";

/** Builds the OpenAPI document from the table of operations. */
export function openApiDocument(): Document {
  return {
    openapi: "3.1.1",
    info: {
      title: "Lockstock",
      version: "1.0.0",
      summary: "Orders that never oversell.",
      description: INTRODUCTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The server that this document comes from." }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: paths(),
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description:
            "`sub` names the customer or the service, `exp` is required, and `scope` lists a service's rights.",
        },
        subprotocol: {
          type: "apiKey",
          in: "header",
          name: "Sec-WebSocket-Protocol",
          description: "`lockstock.v1, bearer.<ticket>` or `bearer.<token>`, for browsers.",
        },
      },
      parameters: Object.fromEntries(
        Object.entries(PARAMETERS).map(([name, parameter]) => [name, parameterObject(parameter)]),
      ),
      headers: Object.fromEntries(
        (Object.keys(HEADERS) as HeaderName[]).flatMap((name) => [
          [name, headerObject(name, true)],
          [`Optional-${name}`, headerObject(name, false)],
        ]),
      ),
      schemas: componentSchemas(),
      examples: Object.fromEntries(
        CODES.map((code) => [
          code,
          {
            summary: PROBLEMS[code][1],
            description: PROBLEM_DOCS[code].means,
            value: problemExample(code),
          },
        ]),
      ),
      // No operation lists these: 405 is for methods that a path lacks, 429 for the rate limits.
      responses: {
        MethodNotAllowed: problemResponse(["method_not_allowed"], new Map([["Allow", true]])),
        TooManyRequests: problemResponse(["rate_limited"], new Map([["Retry-After", true]])),
      },
    },
  };
}

function paths(): Document["paths"] {
  const all: Document["paths"] = {};
  for (const operation of OPERATIONS) {
    (all[operation.path] ??= {})[operation.method] = operationObject(operation);
  }
  return all;
}

function operationObject(operation: Operation): OperationObject {
  const { id, tag, summary, description, parameters = [], body } = operation;
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    security: securityOf(operation),
    ...(parameters.length > 0 && { parameters: parameters.map((name) => ref("parameters", name)) }),
    ...(body && { requestBody: requestBody(body) }),
    responses: responses(operation),
  };
}

/**
 * OpenAPI 3.1 lets a security requirement list roles for any scheme. A caller needs every role in
 * the list, so each scope is a separate alternative. `operator` includes all scopes.
 */
function securityOf({ caller, scopes = [] }: Operation): Record<string, string[]>[] {
  if (caller === "anyone") return [];
  if (caller === "feed") return [{ bearer: [] }, { subprotocol: [] }];
  const own = caller === "customer" ? [{ bearer: [] }] : [];
  const scoped = scopes.length > 0 ? [...scopes, OPERATOR] : [];
  return [...own, ...scoped.map((scope) => ({ bearer: [scope] }))];
}

function callerProblems({ caller, scopes = [] }: Operation): ProblemCode[] {
  if (caller === "anyone") return [];
  const forbidden = scopes.length > 0 ? (["forbidden"] as const) : [];
  return ["unauthenticated", ...forbidden, "unavailable"];
}

/** Every problem code that the operation can return. */
export function codesOf(operation: Operation): ProblemCode[] {
  const { parameters = [], body, problems = [] } = operation;
  // A bad path parameter causes 404.
  const isChecked = parameters.some((name) => PARAMETERS[name].in !== "path" && !LENIENT.has(name));
  const codes = new Set<ProblemCode>([
    ...(isChecked || body ? (["invalid_request"] as const) : []),
    ...(body ? (["payload_too_large", "unsupported_media_type"] as const) : []),
    ...callerProblems(operation),
    ...problems,
    "internal",
  ]);
  return CODES.filter((code) => codes.has(code));
}

/** Parameters of which every value is accepted, or another status says that it is not. */
const LENIENT = new Set<string>([
  "Prefer",
  "IfNoneMatch",
  "Accept",
  "StripeSignature",
  "Subprotocol",
]);

function responses(operation: Operation): Record<string, ResponseObject> {
  const all: Record<string, ResponseObject> = {};
  for (const answer of operation.answers) {
    all[answer.status] = answerResponse(answer, headersAt(operation, answer.status));
  }
  const byStatus = Map.groupBy(codesOf(operation), (code) => PROBLEMS[code][0]);
  for (const [status, codes] of byStatus) {
    all[status] = problemResponse(codes, headersAt(operation, status));
  }
  return all;
}

/** The headers that a response of this status can have, and whether each is always present. */
function headersAt(
  { headers = {}, isCached }: Operation,
  status: number,
): Map<HeaderName, boolean> {
  const found = new Map<HeaderName, boolean>();
  const isShared = isCached === true && (status === 200 || status === 304);
  // The response to an upgrade does not carry them.
  found.set("Cache-Control", status !== 101);
  if (status !== 101 && !isShared) found.set("X-Request-Id", true);
  if (isShared) found.set("Cloudflare-CDN-Cache-Control", true);
  if (status === 401) found.set("WWW-Authenticate", true);
  if (status === 415) found.set("Accept-Encoding", false);
  if (status === 503) found.set("Retry-After", true);
  for (const [name, { always = [], sometimes = [] }] of Object.entries(headers)) {
    if (always.includes(status)) found.set(name as HeaderName, true);
    else if (sometimes.includes(status)) found.set(name as HeaderName, false);
  }
  return found;
}

function answerResponse(
  { description, content }: Answer,
  headers: Map<HeaderName, boolean>,
): ResponseObject {
  const base = { description, headers: headerObjects(headers) };
  if (!content) return base;
  const media = [content].flat().map((one) => [one.type, mediaType(one)]);
  return { ...base, content: Object.fromEntries(media) };
}

const mediaType = (content: Content): MediaType =>
  "example" in content
    ? { schema: { type: "string" }, example: content.example }
    : { schema: ref("schemas", content.schema), examples: content.examples };

function problemResponse(codes: ProblemCode[], headers: Map<HeaderName, boolean>): ResponseObject {
  const refs = codes.map((code) => ref("schemas", problemName(code)));
  const [only] = refs;
  const mapping = Object.fromEntries(codes.map((code, i) => [code, refs[i]?.$ref ?? ""]));
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEM_DOCS[code].means}`).join("\n\n"),
    headers: headerObjects(headers),
    content: {
      "application/problem+json": {
        schema:
          refs.length === 1 && only
            ? only
            : { type: "object", oneOf: refs, discriminator: { propertyName: "code", mapping } },
        examples: Object.fromEntries(codes.map((code) => [code, ref("examples", code)])),
      },
    },
  };
}

function headerObjects(headers: Map<HeaderName, boolean>): ResponseObject["headers"] {
  return Object.fromEntries(
    [...headers].map(([name, isRequired]) => [
      name,
      ref("headers", isRequired ? name : `Optional-${name}`),
    ]),
  );
}

function headerObject(name: HeaderName, required: boolean): HeaderObject {
  const [description, example] = HEADERS[name];
  return { description, ...(required && { required }), schema: { type: "string" }, example };
}

function parameterObject(parameter: Parameter) {
  const { in: place, name, schema, side = "input", isRequired, description, example } = parameter;
  const required = place === "path" || isRequired === true;
  return {
    name,
    in: place,
    description,
    ...(required && { required }),
    schema: parameterSchema(schema, side),
    example,
  };
}

function requestBody({ schema, isRequired, description, example, maxBytes }: Body) {
  return {
    description: `${description} At most ${maxBytes ?? MAX_BODY_BYTES} bytes.`,
    required: isRequired,
    content: {
      "application/json": {
        schema: ref("schemas", schema),
        examples: { example1: { summary: "An example", value: example } },
      },
    },
  };
}

const ref = (kind: string, name: string): Reference => ({ $ref: `#/components/${kind}/${name}` });
