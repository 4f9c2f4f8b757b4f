import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { verifyWebhook, WebhookError } from "../../packages/client/src/index.ts";

/** Signed by the standard's own package. */

const secretOf = (seed: number): string =>
  `whsec_${Buffer.from(Array.from({ length: 32 }, (_, i) => (i * 7 + seed) % 256)).toString("base64")}`;
const [SECRET, OTHER] = [secretOf(1), secretOf(2)];
const EVENT = {
  type: "order.confirmed",
  timestamp: "2026-11-26T10:00:00.000Z",
  data: { id: "o-1", note: "größer – 漢字" },
};
const PAYLOAD = JSON.stringify(EVENT);
const NOW_MS = Date.parse("2026-11-26T10:00:01.500Z");

const signed = (secret = SECRET, payload = PAYLOAD, at_ms = NOW_MS) => {
  const at = new Date(at_ms);
  return {
    "webhook-id": "msg_1",
    "webhook-timestamp": `${Math.floor(at_ms / 1_000)}`,
    "webhook-signature": new Webhook(secret).sign("msg_1", at, payload),
  };
};

/** The code of what `verifyWebhook` throws. */
async function refusal(...args: Parameters<typeof verifyWebhook>): Promise<string> {
  const [payload, headers, secret, options] = args;
  const error = await verifyWebhook(payload, headers, secret, { now_ms: NOW_MS, ...options }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WebhookError);
  return (error as WebhookError).code;
}

const expectAccepted = (...[payload, headers, secret]: Parameters<typeof verifyWebhook>) =>
  expect(verifyWebhook(payload, headers, secret, { now_ms: NOW_MS })).resolves.toEqual(EVENT);

describe("accepted:", () => {
  test("text and bytes, with Headers, an object and Node's headers", async () => {
    const headers = signed();
    await expectAccepted(PAYLOAD, headers, SECRET);
    await expectAccepted(new TextEncoder().encode(PAYLOAD), new Headers(headers), SECRET);
    await expectAccepted(
      Buffer.from(PAYLOAD),
      { ...headers, host: "x", "set-cookie": ["a"] },
      SECRET,
    );
    const upper = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
    );
    await expectAccepted(PAYLOAD, upper, SECRET);
  });

  test("during a rotation: signed with both secrets or one, held against one or both", async () => {
    const [own, other] = [signed(SECRET), signed(OTHER)];
    const both = {
      ...own,
      "webhook-signature": `${other["webhook-signature"]} ${own["webhook-signature"]}`,
    };
    await expectAccepted(PAYLOAD, both, SECRET);
    await expectAccepted(PAYLOAD, both, OTHER);
    await expectAccepted(PAYLOAD, own, [OTHER, SECRET]);
    await expectAccepted(PAYLOAD, other, [OTHER, SECRET]);
  });

  test("beside signatures of another version, or that are no base64", async () => {
    const headers = signed();
    const some = `v1a,AAAA v2,${"A".repeat(43)}= v1,%% v1, ${headers["webhook-signature"]}`;
    await expectAccepted(PAYLOAD, { ...headers, "webhook-signature": some }, SECRET);
  });

  test("up to five minutes early or late, or as the caller says; and now by default", async () => {
    for (const off_ms of [-299_000, 299_000]) {
      await expectAccepted(PAYLOAD, signed(SECRET, PAYLOAD, NOW_MS + off_ms), SECRET);
    }
    const old = signed(SECRET, PAYLOAD, NOW_MS - 3_000_000);
    const options = { now_ms: NOW_MS, tolerance_s: 3_600 };
    await expect(verifyWebhook(PAYLOAD, old, SECRET, options)).resolves.toEqual(EVENT);
    const fresh = signed(SECRET, PAYLOAD, Date.now());
    await expect(verifyWebhook(PAYLOAD, fresh, SECRET)).resolves.toEqual(EVENT);
  });
});

describe("refused:", () => {
  test("another payload, id, time or secret than was signed", async () => {
    const headers = signed();
    const code = "no_matching_signature";
    expect(await refusal(PAYLOAD.replace("o-1", "o-2"), headers, SECRET)).toBe(code);
    expect(await refusal(`${PAYLOAD} `, headers, SECRET)).toBe(code);
    expect(await refusal(PAYLOAD, { ...headers, "webhook-id": "msg_2" }, SECRET)).toBe(code);
    const later = `${Number(headers["webhook-timestamp"]) + 1}`;
    expect(await refusal(PAYLOAD, { ...headers, "webhook-timestamp": later }, SECRET)).toBe(code);
    expect(await refusal(PAYLOAD, headers, OTHER)).toBe(code);
    expect(await refusal(PAYLOAD, headers, [])).toBe(code);
  });

  test("a shortened, lengthened or relabelled signature", async () => {
    const headers = signed();
    const [, mac = ""] = headers["webhook-signature"].split(",");
    const short = Buffer.from(mac, "base64").subarray(0, 16).toString("base64");
    const long = Buffer.concat([Buffer.from(mac, "base64"), Buffer.alloc(1)]).toString("base64");
    for (const one of [`v1,${short}`, `v1,${long}`, `v1a,${mac}`, `v2,${mac}`, mac, "v1,"]) {
      const headersWith = { ...headers, "webhook-signature": one };
      expect(await refusal(PAYLOAD, headersWith, SECRET)).toBe("no_matching_signature");
    }
  });

  test("old and future ones, and a time that is none", async () => {
    const at = (off_ms: number) => signed(SECRET, PAYLOAD, NOW_MS + off_ms);
    expect(await refusal(PAYLOAD, at(-302_000), SECRET)).toBe("too_old");
    expect(await refusal(PAYLOAD, at(302_000), SECRET)).toBe("too_new");
    for (const time of ["soon", "-1", "1e9", "0x10", "1.5", "9".repeat(13)]) {
      const headers = { ...signed(), "webhook-timestamp": time };
      expect(await refusal(PAYLOAD, headers, SECRET)).toBe("bad_timestamp");
    }
  });

  test("without one of its headers, with a secret that is none, and a payload that is not JSON", async () => {
    for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"]) {
      expect(await refusal(PAYLOAD, { ...signed(), [name]: undefined }, SECRET)).toBe(
        "missing_header",
      );
      expect(await refusal(PAYLOAD, { ...signed(), [name]: "" }, SECRET)).toBe("missing_header");
    }
    for (const secret of ["", "whsec_", "whsec_%%"]) {
      expect(await refusal(PAYLOAD, signed(), secret)).toBe("bad_secret");
    }
    expect(await refusal("text", signed(SECRET, "text"), SECRET)).toBe("bad_payload");
  });
});
