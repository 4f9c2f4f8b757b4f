import { expect, test } from "vitest";
import { errorIn, explain, isMissingWorker, isTaken } from "../../scripts/deploy/explain.ts";

/** What wrangler 4.155 prints, as its source and its runs against the stand-in have it. */
test.each([
  [
    "In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN environment variable",
    "You are not logged in",
  ],
  ["You are not authenticated. Please run `wrangler login`.", "You are not logged in"],
  ["Invalid API Token [code: 1000]", "does not know this token"],
  ["More than one account available but unable to select one", "CLOUDFLARE_ACCOUNT_ID"],
  ["Authentication error [code: 10000]", 'the permission "D1: Edit"'],
  ["workers.api.error.consumer_exists [code: 11004]", "Another Worker of this account"],
  ["You need to register a workers.dev subdomain before", "no workers.dev address"],
  ["fetch failed", "cannot be reached"],
  ["An unknown error has occurred [code: 10013]", "repeat"],
])("%s", (said, sentence) => {
  expect(explain(said, "database")).toContain(sentence);
});

test("an error that is not known stays wrangler's own, without what came before", () => {
  const output = `Total Upload: 429 KiB\n\u001B[31m✘ [ERROR] Something else\u001B[0m\n\n  in two lines\n🪵  Logs were written to "x"`;
  expect(errorIn(output)).toBe("[ERROR] Something else\n  in two lines");
  expect(explain(errorIn(output), "workers")).toBeNull();
});

test("what is there already, and what is not there yet", () => {
  expect(isTaken("Queue name 'a' is already taken. [code: 11009]")).toBe(true);
  expect(isTaken("Authentication error [code: 10000]")).toBe(false);
  expect(isMissingWorker('Worker "lockstock-orders" not found.')).toBe(true);
  expect(isMissingWorker("Authentication error [code: 10000]")).toBe(false);
});
