import ipaddr from "ipaddr.js";
import * as v from "valibot";
import { CHANGE_TYPES } from "../changes/change.ts";
import { pageQuery } from "./pagination.ts";
import { invalid } from "./problem.ts";

const MAX_URL_CHARS = 2_000;

const UrlSchema = v.pipe(
  v.string(),
  v.maxLength(MAX_URL_CHARS),
  v.check((text) => URL.canParse(text), "must be a URL"),
  v.check((text) => !hasCredentials(text), "must have no user name and password"),
);
const TypesSchema = v.pipe(
  v.array(v.picklist(CHANGE_TYPES, "is not a type of a change")),
  v.minLength(1, "must name a type at least"),
  v.maxLength(CHANGE_TYPES.length),
  v.check((types) => new Set(types).size === types.length, "must name each type once"),
);

/** Body of `POST /v1/webhooks`. */
export const NewWebhookSchema = v.strictObject({
  url: UrlSchema,
  types: v.optional(TypesSchema, () => [...CHANGE_TYPES]),
});

/** Body of `PATCH /v1/webhooks/:id`. */
export const WebhookPatchSchema = v.strictObject({
  url: v.optional(UrlSchema),
  types: v.optional(TypesSchema),
  state: v.optional(v.picklist(["on", "off"], "must be on or off")),
});

/** Query of `GET /v1/webhooks/:id/deliveries`. */
export const DeliveriesQuery = v.strictObject({
  ...pageQuery,
  state: v.optional(v.picklist(["pending", "parked", "delivered"], "is not a state of a delivery")),
});

function hasCredentials(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username !== "" || password !== "";
}

/** Throws `invalid_request` unless events may be sent there. A local run may send anywhere. */
export function assertReachable(text: string, isLocalRun: boolean): void {
  const { protocol, hostname } = new URL(text);
  const fail = (message: string): never => {
    throw invalid([{ path: "/url", message }]);
  };
  if (isLocalRun && protocol === "http:") return;
  if (protocol !== "https:") fail("must be an https URL");
  if (!isLocalRun && isPrivate(hostname)) fail("must not be a private address");
}

/**
 * Every public IPv6 address is in here. The rest includes `::/96`, in which an address stands for the
 * IPv4 address at its end, such as 127.0.0.1 (RFC 4291, 2.4 and 2.5.5.1).
 */
const PUBLIC_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");

/** Names of this network, and literal addresses that are not public (RFC 6761, 6890). */
function isPrivate(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$|\.$/g, "");
  if (ipaddr.isValid(host)) {
    const address = ipaddr.process(host);
    const isOutside = address instanceof ipaddr.IPv6 && !address.match(PUBLIC_IPV6);
    return isOutside || address.range() !== "unicast";
  }
  return !host.includes(".") || /\.(localhost|local|internal)$/.test(host);
}
