import * as examples from "../examples.ts";
import { body, json, type Operation } from "../operation.ts";

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
      json(
        200,
        "The configuration.",
        "Config",
        ["Guests may order", { guestCheckout: true, paymentWindowSeconds: 900, turnstile: null }],
        [
          "A new guest needs a token of Turnstile",
          {
            guestCheckout: true,
            paymentWindowSeconds: 900,
            turnstile: { siteKey: "1x00000000000000000000AA", action: "guest" },
          },
        ],
      ),
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
      "Returns a new customer id and a token for it, valid for 30 days. 404 when guest checkout is off, or when another issuer signs the tokens. With Turnstile on (`turnstile` of `GET /v1/config`), the body has the widget's token: 403 `challenge_failed` for one that is not good, 503 if it cannot be verified now. Without Turnstile the body is not read.",
    caller: "anyone",
    body: body(
      "NewGuest",
      { turnstileToken: "XXXX.DUMMY.TOKEN.XXXX" },
      "Required with Turnstile on, else ignored.",
      false,
    ),
    answers: [json(201, "The guest.", "Guest", ["A guest", examples.guest])],
    problems: ["challenge_failed", "not_found", "unavailable"],
  },
  {
    id: "getChallenge",
    method: "get",
    path: "/challenge",
    tag: "Service",
    summary: "Show the check for new guests",
    description:
      "Returns the page with the Turnstile widget that the shop shows in a frame, which only pages of this origin can. 404 with Turnstile off.",
    caller: "anyone",
    answers: [
      {
        status: 200,
        description: "The page.",
        content: { type: "text/html", example: "<!doctype html>…" },
      },
    ],
    problems: ["not_found"],
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
