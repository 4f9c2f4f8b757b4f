import { connect, type Socket } from "node:net";
import process from "node:process";
import pMap from "p-map";
import { expect, test } from "vitest";
import { FeedClient } from "./support/feed-client.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

const stack = useStack();

/** As many as the feed of one customer keeps open. */
const LIMIT = 64;
/** `SOCKETS=10000 npm test -- test/e2e/hostile-sockets.test.ts` for the whole flood. */
const ATTEMPTS = Number(process.env.SOCKETS ?? 2_000);
const CUSTOMERS = 4;
const AT_ONCE = 50;

/** The end of a handshake's headers. */
const HEAD_END = "\r\n\r\n";

interface Attempt {
  /** The close code; 0: it was let in, and stays open. */
  code: number;
  socket: Socket;
}

/**
 * One attempt over a socket of our own: the local runtime keeps a closed WebSocket for 10 s more,
 * and a client by the book would wait for that.
 */
function attempt(token: string): Promise<Attempt> {
  return new Promise((done, fail) => {
    const socket = connect(Number(stack.base.port), stack.base.hostname);
    let heard = Buffer.alloc(0);
    socket.on("error", fail);
    socket.on("data", function hear(data: Buffer) {
      heard = Buffer.concat([heard, data]);
      const start = heard.indexOf(HEAD_END);
      if (start < 0 || heard.length < start + HEAD_END.length + 4) return;
      socket.off("data", hear);
      const frame = heard.subarray(start + HEAD_END.length);
      const isClose = (frame[0]! & 0x0f) === 8; // RFC 6455, 5.5.1
      const code = isClose ? frame.readUInt16BE(2) : 0;
      if (isClose) socket.destroy();
      done({ code, socket });
    });
    const lines = [
      "GET /v1/feed HTTP/1.1",
      `Host: ${stack.base.host}`,
      `Authorization: Bearer ${token}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    socket.write(lines.join("\r\n") + HEAD_END);
  });
}

test(`${ATTEMPTS} sockets of a few customers: 64 each are let in, all others are closed with 1013`, async () => {
  const ids = Array.from({ length: CUSTOMERS }, (_, i) => `flooder-${i}`);
  const tokens = await Promise.all(ids.map((id) => stack.token(id)));
  const attempts = Array.from({ length: ATTEMPTS }, (_, i) => tokens[i % CUSTOMERS]!);
  const from_ms = Date.now();
  const made = await pMap(attempts, attempt, { concurrency: AT_ONCE });
  console.log(`${ATTEMPTS} sockets in ${Date.now() - from_ms} ms`);
  const open = made.flatMap(({ code, socket }) => (code === 0 ? [socket] : []));
  const refused = made.filter(({ code }) => code === 1013);
  expect([open.length, refused.length]).toEqual([LIMIT * CUSTOMERS, ATTEMPTS - LIMIT * CUSTOMERS]);

  // Those that are in go on hearing, and another customer is let in.
  const bystander = await stack.feed("bystander");
  await bystander.opened();
  await bystander.close();
  const sku = await stack.operator.stocked(3);
  let heard = 0;
  for (const socket of open) socket.on("data", () => heard++);
  await (await stack.customer("flooder-0")).place([{ sku, quantity: 1 }]);
  await until("all told", () => heard >= LIMIT);
  for (const socket of open) socket.destroy();
}, 240_000);

test("a customer whose sockets have ended is let in again", async () => {
  const feeds: FeedClient[] = [];
  for (let i = 0; i < LIMIT; i++) feeds.push(await stack.feed("returning"));
  await Promise.all(feeds.map((feed) => feed.opened()));
  const refused = await stack.feed("returning");
  expect((await until("the refusal", () => refused.closed)).code).toBe(1013);
  await feeds[0]!.close();
  const again = await stack.feed("returning");
  await again.opened();
  await Promise.all([...feeds.slice(1), again].map((feed) => feed.close()));
});
