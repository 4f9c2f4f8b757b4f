import { type Context, Hono } from "hono";
import * as v from "valibot";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import {
  BAD_TICKET,
  CLOSE,
  type Connect,
  CONNECT_HEADER,
  encodeConnect,
  PROTOCOL,
  TICKET_HEADER,
  type TicketConnect,
  TOO_MANY_SOCKETS,
} from "../feed/protocol.ts";
import { decodeTicket, encodeTicket, type Ticket } from "../feed/tickets.ts";
import type { AppEnv } from "./app-env.ts";
import { authenticate, requireToken } from "./auth.ts";
import { CustomerIdSchema } from "./customer-id.ts";
import { Problem } from "./problem.ts";
import { limitLook, readLimit } from "./rate-limit.ts";
import { refuseSocket } from "./refused-sockets.ts";
import { isKnownOrigin } from "./security.ts";
import { TimeSchema } from "./timestamp.ts";
import { query } from "./validation.ts";

/** Longer than a feed's own time limit for D1. */
const FEED_TIMEOUT_MS = 15_000;
const TICKET_TIMEOUT_MS = 5_000;
const BEARER = /^bearer\.([\w.~+/-]+=*)$/i;

export const SinceSchema = v.optional(v.pipe(TimeSchema, v.transform(Date.parse)));

/**
 * Opens a customer's WebSocket. Browsers send a ticket (or the token) as a subprotocol, others the
 * token in a header.
 */
export const feed = new Hono<AppEnv>()
  .post("/tickets", requireToken, readLimit, async (c) => {
    const { sub: customerId, expires_ms } = c.get("caller");
    const issue = async () => await c.env.FEED.getByName(customerId).issueTicket(expires_ms);
    const issued = await withTimeout(TICKET_TIMEOUT_MS, issue, "the feed").catch(
      (error: unknown) => {
        log("warn", "feed_ticket.issue_failed", { error: errorText(error) });
        // Also while the feed has the code of an earlier version, which issues no tickets.
        throw new Problem("unavailable", {
          detail: "No ticket can be had now. Try again shortly.",
        });
      },
    );
    if (issued === null) {
      throw new Problem("rate_limited", {
        detail: "Too many tickets of this customer. Try again shortly.",
        headers: { "Retry-After": "10" },
      });
    }
    const ticket = encodeTicket({ customerId, secret: issued.secret });
    return c.json({ ticket, expiresAt: new Date(issued.until_ms).toISOString() }, 201);
  })
  .get(
    "/",
    async (c, next) => {
      if (isUpgrade(c) && !isKnownOrigin(c.req.header("Origin"), c.req.url, c.env.CORS_ORIGINS)) {
        throw new Problem("forbidden", { detail: "Pages of this origin may not open the feed." });
      }
      if (isUpgrade(c) && ticketOf(c)) {
        // Whoever forges tickets may name any customer, whose feed has to be asked.
        await limitLook(c);
        return next();
      }
      try {
        c.set("caller", await authenticate(c, tokenOf(c)));
      } catch (error) {
        // A browser cannot read the status of a failed upgrade, but it can read a close code.
        const isUnauthenticated = error instanceof Problem && error.code === "unauthenticated";
        if (!isUpgrade(c) || !isUnauthenticated) throw error;
        return refuse(c, CLOSE.unauthenticated, "a valid token is required");
      }
      return readLimit(c, next);
    },
    query(v.strictObject({ since: SinceSchema })),
    async (c) => {
      if (!isUpgrade(c)) throw upgradeRequired;
      const since_ms = c.req.valid("query").since ?? null;
      const ticket = ticketOf(c);
      const caller = c.get("caller");
      const connect = ticket
        ? { ...ticket, since_ms }
        : { customerId: caller.sub, expires_ms: caller.expires_ms, since_ms };
      const opened = await open(c, connect);
      if (opened.status === BAD_TICKET) {
        return refuse(c, CLOSE.unauthenticated, "a valid ticket is required");
      }
      if (opened.status !== TOO_MANY_SOCKETS) return opened;
      return refuse(c, CLOSE.tryAgainLater, "too many sockets of this customer");
    },
  );

const upgradeRequired = new Problem("upgrade_required", { headers: { Upgrade: "websocket" } });

const isUpgrade = (c: Context<AppEnv>): boolean =>
  c.req.header("Upgrade")?.toLowerCase() === "websocket";

const protocolsOf = (c: Context<AppEnv>): string[] =>
  (c.req.header("Sec-WebSocket-Protocol") ?? "").split(",").map((protocol) => protocol.trim());

const bearerOf = (c: Context<AppEnv>): string | undefined =>
  protocolsOf(c).flatMap((protocol) => BEARER.exec(protocol)?.[1] ?? [])[0];

const headerTokenOf = (c: Context<AppEnv>): string | undefined =>
  /^Bearer (.+)$/i.exec(c.req.header("Authorization") ?? "")?.[1];

const tokenOf = (c: Context<AppEnv>): string | undefined => headerTokenOf(c) ?? bearerOf(c);

/** A ticket names its customer, whose feed alone can verify it. */
function ticketOf(c: Context<AppEnv>): Ticket | null {
  if (headerTokenOf(c) !== undefined) return null;
  const ticket = decodeTicket(bearerOf(c) ?? "");
  return ticket && v.is(CustomerIdSchema, ticket.customerId) ? ticket : null;
}

async function open(c: Context<AppEnv>, connect: Connect | TicketConnect): Promise<Response> {
  const headers = protocolHeaders(c);
  headers.set("Upgrade", "websocket");
  headers.set("secret" in connect ? TICKET_HEADER : CONNECT_HEADER, encodeConnect(connect));
  const feed = c.env.FEED.getByName(connect.customerId);
  const upgrade = async () => await feed.fetch("https://feed/", { headers });
  return await withTimeout(FEED_TIMEOUT_MS, upgrade, "the feed");
}

/** The response names only the protocol version, never the subprotocol that carries the token. */
function protocolHeaders(c: Context<AppEnv>): Headers {
  const isNegotiated = protocolsOf(c).includes(PROTOCOL);
  return new Headers(isNegotiated ? { "Sec-WebSocket-Protocol": PROTOCOL } : {});
}

const refuse = (c: Context<AppEnv>, code: number, reason: string): Response =>
  refuseSocket(c, { code, reason }, protocolHeaders(c));
