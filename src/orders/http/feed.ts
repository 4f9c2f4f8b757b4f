import { Hono } from "hono";
import * as v from "valibot";
import { CLOSE, type Connect, CONNECT_HEADER, PROTOCOL } from "../feed/protocol.ts";
import type { AppEnv } from "./app.ts";
import { type Caller, callerOf } from "./auth.ts";
import { Problem } from "./problem.ts";
import { query } from "./validate.ts";

const BEARER = /^bearer\.([\w.~+/-]+=*)$/i;

export const SinceSchema = v.optional(
  v.pipe(
    v.string(),
    v.check((text) => !Number.isNaN(Date.parse(text)), "must be an ISO 8601 time"),
    v.transform((text) => Date.parse(text)),
  ),
);

/** The WebSocket of a customer: `?since=`, the token by header or by subprotocol. */
export const feed = new Hono<AppEnv>().get(
  "/",
  query(v.object({ since: SinceSchema })),
  async (c) => {
    const protocols = (c.req.header("Sec-WebSocket-Protocol") ?? "")
      .split(",")
      .map((p) => p.trim());
    const token =
      /^Bearer (.+)$/i.exec(c.req.header("Authorization") ?? "")?.[1] ??
      protocols.flatMap((protocol) => BEARER.exec(protocol)?.[1] ?? [])[0];
    const isUpgrade = c.req.header("Upgrade")?.toLowerCase() === "websocket";
    let caller: Caller;
    try {
      if (token === undefined) throw new Problem("unauthenticated");
      caller = await callerOf(token, c.env);
    } catch (error) {
      // A browser cannot read the status of a failed upgrade: the close code tells it.
      const isRefused = error instanceof Problem && error.code === "unauthenticated";
      if (isUpgrade && isRefused) return closedSocket(protocols.includes(PROTOCOL));
      throw error;
    }
    if (!isUpgrade)
      return c.text("A WebSocket upgrade is required.", 426, { Upgrade: "websocket" });
    const { customerId, expires_ms } = caller;
    const connect: Connect = {
      customerId,
      expires_ms,
      since_ms: c.req.valid("query").since ?? null,
    };
    const forwarded = new Headers({
      Upgrade: "websocket",
      [CONNECT_HEADER]: JSON.stringify(connect),
    });
    if (protocols.includes(PROTOCOL)) forwarded.set("Sec-WebSocket-Protocol", PROTOCOL);
    return c.env.FEED.getByName(customerId).fetch("https://feed/", { headers: forwarded });
  },
);

function closedSocket(isNegotiated: boolean): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(CLOSE.unauthenticated, "a valid token is required");
  const headers = new Headers(isNegotiated ? { "Sec-WebSocket-Protocol": PROTOCOL } : {});
  return new Response(null, { status: 101, webSocket: client, headers });
}
