import * as examples from "../examples.ts";
import { json, type Operation } from "../operation.ts";

export const serviceOperations: Operation[] = [
  {
    id: "getConfig",
    method: "get",
    path: "/v1/config",
    tag: "Service",
    summary: "Read the configuration",
    description:
      "Returns what a page needs to know of this deployment. A change is shown within a minute.",
    caller: "anyone",
    answers: [
      json(200, "The configuration.", "Config", [
        "Guests may order",
        { guestCheckout: true, paymentWindowSeconds: 900 },
      ]),
    ],
    problems: ["invalid_request"],
    isCached: true,
  },
  {
    id: "createGuest",
    method: "post",
    path: "/v1/guests",
    tag: "Service",
    summary: "Create a guest",
    description:
      "Returns a new customer id and a token for it, valid for 30 days. 404 when guest checkout is off, or when another issuer signs the tokens.",
    caller: "anyone",
    answers: [json(201, "The guest.", "Guest", ["A guest", examples.guest])],
    problems: ["not_found", "unavailable"],
  },
  {
    id: "getHealth",
    method: "get",
    path: "/healthz",
    tag: "Service",
    summary: "Check liveness",
    description: "Shows that the orders Worker responds. Does not check anything behind it.",
    caller: "anyone",
    answers: [
      json(200, "The orders Worker responds.", "Health", [
        "Alive",
        { status: "ok", version: "0.1.0" },
      ]),
    ],
  },
  {
    id: "getContract",
    method: "get",
    path: "/openapi.json",
    tag: "Service",
    summary: "Read this contract",
    description:
      "Returns the OpenAPI 3.1 document, generated from the schemas that validate the requests.",
    caller: "anyone",
    answers: [
      json(200, "The contract.", "Contract", [
        "The beginning of the contract",
        { openapi: "3.1.1", info: { title: "Lockstock", version: "1.0.0" } },
      ]),
      { status: 304, description: "The file has not changed." },
    ],
    headers: {
      ETag: { always: [200], sometimes: [304] },
      "Cache-Control": { sometimes: [200, 304] },
    },
  },
  {
    id: "getDocs",
    method: "get",
    path: "/docs",
    tag: "Service",
    summary: "Read this page",
    description: "Returns the contract as a page, with an entry for each problem code.",
    caller: "anyone",
    answers: [
      {
        status: 200,
        description: "The page.",
        content: { type: "text/html", example: "<!doctype html>…" },
      },
      { status: 304, description: "The file has not changed." },
    ],
    headers: {
      ETag: { always: [200], sometimes: [304] },
      "Cache-Control": { sometimes: [200, 304] },
    },
  },
];
