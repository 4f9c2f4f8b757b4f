import { SignJWT } from "jose";
import { expect, test } from "vitest";
import { signToken } from "./support/client.ts";
import { FeedClient } from "./support/feed-client.ts";
import { settled } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

const stack = useStack();

/** Long enough that no line holds it by accident. */
const PIECE = 12;

async function everyKind(): Promise<string[]> {
  const scope = "operator";
  const own = await stack.token("victim", { scope });
  const [head, payload, mac] = own.split(".");
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString("base64url");
  const secret = new TextEncoder().encode("another secret, just as long as the right one");
  return [
    own,
    await stack.token("late", { scope, expires: new Date(Date.now() - 60_000) }),
    await signToken("a secret that is not the right one", "forger", { scope }),
    `${head}.${part({ sub: "somebody-else", scope, exp: 4_102_444_800 })}.${mac}`,
    `${part({ alg: "none" })}.${payload}.`,
    `${head}.${payload}`,
    await new SignJWT({ scope })
      .setProtectedHeader({ alg: "HS512" })
      .setSubject("wrong-algorithm")
      .setExpirationTime("1h")
      .sign(secret),
    await new SignJWT({ scope })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(secret),
    "not-a-token-but-somebodys-password",
  ];
}

test("no log line and no answer holds a token, a piece of one or the secret", async () => {
  const tokens = await everyKind();
  const sku = await stack.operator.stocked(1);
  const customer = await stack.customer("honest");
  // Something has to be logged for this to say anything.
  await settled(customer, [(await customer.place([{ sku, quantity: 1 }])).body.id]);
  const answers: string[] = [];
  for (const token of tokens) {
    for (const [method, path] of [
      ["GET", "/v1/orders"],
      ["POST", "/v1/orders"],
      ["GET", "/v1/operations"],
      ["GET", "/v1/feed"],
      ["GET", "/nowhere"],
    ] as const) {
      const response = await fetch(new URL(path, stack.base), {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: method === "POST" ? "{" : null,
      });
      answers.push(JSON.stringify([...response.headers]) + (await response.text()));
    }
    // By subprotocol, and where a token must not be: in the address.
    const feed = new FeedClient(stack.base, token);
    await until("let in or closed", () => feed.messages[0] ?? feed.closed);
    feed.socket.close();
    answers.push(JSON.stringify(feed.messages), feed.socket.protocol ?? "");
    const inQuery = await fetch(new URL(`/v1/orders?token=${token}&limit=x`, stack.base));
    answers.push(await inQuery.text());
  }
  const logged = stack.lines();
  // The parts with claims and the signatures; a header alone is the same in every token.
  const secrets = tokens.flatMap((token) => token.split(".").slice(token.includes(".") ? 1 : 0));
  const pieces = secrets
    .filter((secret) => secret.length >= PIECE)
    .flatMap((secret) => [secret.slice(0, PIECE), secret.slice(-PIECE)])
    .concat("the secret of the end-to-end tests");
  expect(logged.length).toBeGreaterThan(0);
  for (const piece of pieces) {
    expect(logged.filter((line) => line.includes(piece))).toEqual([]);
    expect(answers.filter((answer) => answer.includes(piece))).toEqual([]);
  }
});
