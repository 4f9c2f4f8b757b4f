import { type Context, Hono } from "hono";
import * as v from "valibot";
import { withTimeout } from "../../runtime/timeout.ts";
import {
  CLOSE,
  type Connect,
  CONNECT_HEADER,
  encodeConnect,
  TOO_MANY_SOCKETS,
  PROTOCOL,
} from "../feed/protocol.ts";
import type { AppEnv } from "./app-env.ts";
import { authenticate } from "./auth.ts";
import { Problem } from "./problem.ts";
import { isKnownOrigin } from "./security.ts";
import { TimeSchema } from "./timestamp.ts";
import { query } from "./validation.ts";

/** Longer than a feed's own time limit for D1. */
const FEED_TIMEOUT_MS = 15_000;
const BEARER = /^bearer\.([\w.~+/-]+=*)$/i;

export const SinceSchema = v.optional(v.pipe(TimeSchema, v.transform(Date.parse)));

/** Opens a customer's WebSocket. Browsers send the token as a subprotocol, others in a header. */
export const feed = new Hono<AppEnv>().get(
  "/",
  async (c, next) => {
    if (isUpgrade(c) && !isKnownOrigin(c.req.header("Origin"), c.req.url, c.env.CORS_ORIGINS)) {
      throw new Problem("forbidden", { detail: "Pages of this origin may not open the feed." });
    }
    try {
      c.set("caller", await authenticate(c, tokenOf(c)));
    } catch (error) {
      // A browser cannot read the status of a failed upgrade, but it can read a close code.
      const isUnauthenticated = error instanceof Problem && error.code === "unauthenticated";
      if (!isUpgrade(c) || !isUnauthenticated) throw error;
      return closedSocket(c, CLOSE.unauthenticated, "a valid token is required");
    }
    return next();
  },
  query(v.object({ since: SinceSchema })),
  async (c) => {
    const { sub: customerId, expires_ms } = c.get("caller");
    if (!isUpgrade(c)) throw upgradeRequired;
    const since_ms = c.req.valid("query").since ?? null;
    const connect: Connect = { customerId, expires_ms, since_ms };
    const headers = new Headers({ Upgrade: "websocket", [CONNECT_HEADER]: encodeConnect(connect) });
    if (protocolsOf(c).includes(PROTOCOL)) headers.set("Sec-WebSocket-Protocol", PROTOCOL);
    const feed = c.env.FEED.getByName(customerId);
    const upgrade = async () => await feed.fetch("https://feed/", { headers });
    const opened = await withTimeout(FEED_TIMEOUT_MS, upgrade, "the feed");
    if (opened.status !== TOO_MANY_SOCKETS) return opened;
    return closedSocket(c, CLOSE.tryAgainLater, "too many sockets of this customer");
  },
);

const upgradeRequired = new Problem("upgrade_required", { headers: { Upgrade: "websocket" } });

const isUpgrade = (c: Context<AppEnv>): boolean =>
  c.req.header("Upgrade")?.toLowerCase() === "websocket";

const protocolsOf = (c: Context<AppEnv>): string[] =>
  (c.req.header("Sec-WebSocket-Protocol") ?? "").split(",").map((protocol) => protocol.trim());

const tokenOf = (c: Context<AppEnv>): string | undefined =>
  /^Bearer (.+)$/i.exec(c.req.header("Authorization") ?? "")?.[1] ??
  protocolsOf(c).flatMap((protocol) => BEARER.exec(protocol)?.[1] ?? [])[0];

/** Accepts the upgrade and closes the socket with a code that browsers can read. */
function closedSocket(c: Context<AppEnv>, code: number, reason: string): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(code, reason);
  const isNegotiated = protocolsOf(c).includes(PROTOCOL);
  const headers = new Headers(isNegotiated ? { "Sec-WebSocket-Protocol": PROTOCOL } : {});
  return new Response(null, { status: 101, webSocket: client, headers });
}
