import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createClient } from "../../packages/client/src/index.ts";
import { environment } from "../../scripts/lib/npm-start.ts";
import { ROOT } from "../../scripts/lib/project.ts";
import { GOOD_TOKEN, Siteverify } from "../support/siteverify.ts";
import { useStack } from "./support/stack.ts";

/** Guests of a real run whose Turnstile asks a stand-in for siteverify. */

const TURNSTILE_SECRET = "the secret key of the widget";
const siteverify = new Siteverify("");
const stack = useStack({
  TURNSTILE_SECRET,
  TURNSTILE_SITE_KEY: "the site key",
  TURNSTILE_VERIFY_URL: await siteverify.open(),
  GUEST_CHECKOUT: "on",
});
beforeAll(() => void (siteverify.hostname = stack.base.hostname));
beforeEach(() => void siteverify.heard.splice(0));
afterAll(() => siteverify.close());

test("the published client makes a guest with the widget's token, once it says what that needs", async () => {
  const shop = createClient({ url: stack.base.origin });
  expect((await shop.config()).turnstile).toEqual({ siteKey: "the site key", action: "guest" });
  const guest = await shop.createGuest({ turnstileToken: GOOD_TOKEN });
  expect(siteverify.heard).toMatchObject([{ secret: TURNSTILE_SECRET, response: GOOD_TOKEN }]);
  const own = createClient({ url: stack.base.origin, token: guest.token });
  expect((await own.orders()).orders).toEqual([]);
});

test("no guest is made without a token, with a bad one, or with one of another host", async () => {
  const shop = createClient({ url: stack.base.origin });
  const refused = { code: "challenge_failed", status: 403 };
  await expect(shop.createGuest()).rejects.toMatchObject({ code: "invalid_request", status: 400 });
  expect(siteverify.heard).toEqual([]);
  await expect(shop.createGuest({ turnstileToken: "bad" })).rejects.toMatchObject(refused);
  siteverify.hostname = "evil.example";
  await expect(shop.createGuest({ turnstileToken: GOOD_TOKEN })).rejects.toMatchObject(refused);
  siteverify.hostname = stack.base.hostname;
});

test("while siteverify is away no guest is made, and a moment later they are", async () => {
  const shop = createClient({ url: stack.base.origin });
  siteverify.isAway = true;
  const call = shop.createGuest({
    turnstileToken: GOOD_TOKEN,
    onRetry: (problem) => {
      expect(problem).toMatchObject({ code: "unavailable", status: 503, retryAfter_s: 2 });
      siteverify.isAway = false;
    },
  });
  expect((await call).customerId).toMatch(/^guest_/);
  expect(siteverify.heard).toHaveLength(3);
  const [first, second, third] = siteverify.heard.map((form) => form.idempotency_key);
  expect([second === first, third === first]).toEqual([true, false]);
});

test("only the page of the widget may load it, and only our pages may show that page", async () => {
  const policyOf = async (path: string) => {
    const response = await fetch(new URL(path, stack.base));
    expect(response.status).toBe(200);
    return response.headers.get("content-security-policy") ?? "";
  };
  const policy = await policyOf("/challenge");
  expect(policy).toContain("script-src 'self' https://challenges.cloudflare.com;");
  expect(policy).toContain("frame-src https://challenges.cloudflare.com;");
  expect(policy).toContain("frame-ancestors 'self'");
  const afar = policy.match(/https?:[^ ;]+/g);
  expect(new Set(afar)).toEqual(new Set(["https://challenges.cloudflare.com"]));
  for (const path of ["/", "/console", "/docs"]) expect(await policyOf(path)).not.toContain("http");
  // The file behind it has the policy of all others.
  expect(await policyOf("/challenge.html")).toBe(policy);
});

test("the doctor says that it is on", async () => {
  const script = join(ROOT, "scripts/doctor.ts");
  const args = [script, `--url=${stack.base.origin}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: environment() });
  expect(stdout).toContain("New guests are checked by Turnstile, with the site key the site key.");
});
