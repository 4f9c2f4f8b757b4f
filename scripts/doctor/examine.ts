import type { ConfigView } from "../../src/orders/http/config.ts";
import { type Answer, ask } from "../lib/api-client.ts";

/** What a deployment tells of itself, examined from outside. */

export interface Finding {
  state: "good" | "bad" | "unknown";
  text: string;
  /** What to do. */
  action?: string;
}

const good = (text: string): Finding => ({ state: "good", text });
const bad = (text: string, action: string): Finding => ({ state: "bad", text, action });
const unknown = (text: string, action: string): Finding => ({ state: "unknown", text, action });

interface Operations {
  alerts: { code: string; text: string; action: string }[];
  unsettled: { count: number; oldestAgeSeconds: number };
}
type Problem = { code?: string; detail?: string };

/** In the order in which causes come before their consequences; it ends where the rest cannot be seen. */
export async function* examine(
  url: string,
  token: string | undefined,
  version: string,
): AsyncGenerator<Finding> {
  const base = url.replace(/\/$/, "");
  const health = await answerOf<{ version?: string }>(base, undefined, "/healthz");
  if (health?.status !== 200) {
    const what = health ? `answers ${health.status}` : "does not answer";
    return yield bad(
      `The orders Worker ${what}.`,
      "Is the address right, and deployed? `npm run deploy` repeats what is missing; a new address takes a minute.",
    );
  }
  yield versionFinding(health.body?.version, version);
  yield* guestFindings(base);
  if (token === undefined) {
    return yield unknown(
      "What is behind it was not examined.",
      "Give an operator's --token: `npm run deploy` keeps one in .deploy.",
    );
  }
  const operations = await answerOf<Operations & Problem>(base, token, "/v1/operations");
  if (operations?.status !== 200) return yield refusal(operations);
  yield good("The database answers, and the token is accepted.");
  yield await stockFinding(base, token);
  const { alerts, unsettled } = operations.body;
  for (const { text, action } of alerts) yield bad(text, action);
  if (alerts.length === 0) yield good("No alert.");
  yield good(`${unsettled.count} orders await their stock.`);
  yield* distances(base, token, health);
}

async function answerOf<T>(
  base: string,
  token: string | undefined,
  path: string,
): Promise<Answer<T> | undefined> {
  return await ask<T>(base, token, "GET", path).catch(() => undefined);
}

function versionFinding(deployed: string | undefined, here: string): Finding {
  if (deployed === here) return good(`The orders Worker answers, version ${here}.`);
  return bad(
    `The orders Worker answers, version ${deployed ?? "before 0.2"}; this clone is ${here}.`,
    "`npm run deploy` brings this clone's version, or check out the other one.",
  );
}

/** Half of Turnstile's settings is an alert, which the database's findings list. */
async function* guestFindings(base: string): AsyncGenerator<Finding> {
  const config = await answerOf<Partial<ConfigView>>(base, undefined, "/v1/config");
  if (!config?.body?.guestCheckout) return;
  const { turnstile } = config.body;
  if (!turnstile) return yield good("Guests may order, and are not checked by Turnstile.");
  yield good(`New guests are checked by Turnstile, with the site key ${turnstile.siteKey}.`);
}

function refusal(answer: Answer<Problem> | undefined): Finding {
  switch (answer?.status) {
    case 401:
      return bad(
        "The token is not accepted: it has expired, or the secret was changed elsewhere.",
        "`npm run deploy` renews a token that has expired; --rotate makes a new secret.",
      );
    case 403:
      return bad("The token may not read operations.", "It needs the right operations:read.");
    case 404:
      return bad("This is no Lockstock: /v1/operations is not there.", "Is the address right?");
    case 503:
      return bad(
        `Protected calls answer 503: ${answer.body?.detail ?? "no reason is given"}`,
        "Without a usable AUTH_SECRET or key set it is misconfigured: `npx wrangler tail` shows auth.misconfigured with the reason. Otherwise D1 is away.",
      );
    default:
      return bad(
        `/v1/operations answers ${answer?.status ?? "nothing"}.`,
        "Read the Worker's log: `npx wrangler tail`. Are the migrations applied? `npm run deploy` applies them.",
      );
  }
}

async function stockFinding(base: string, token: string): Promise<Finding> {
  type Items = { items: { sku: string }[] };
  const listed = await answerOf<Items>(base, token, "/v1/operations/items?limit=1");
  const sku = listed?.body?.items?.[0]?.sku;
  if (sku === undefined) {
    return unknown(
      "Whether the stock Worker answers is not known: there is no item yet.",
      "`npm run import` brings in a catalogue.",
    );
  }
  const level = await answerOf(base, token, `/v1/items/${sku}/stock`);
  if (level?.status === 200) return good("The stock Worker answers.");
  return bad(
    `The stock Worker does not answer: ${level?.status ?? "nothing"}.`,
    "`npm run deploy` deploys it; `npx wrangler tail -c wrangler.stock.toml` shows why it fails.",
  );
}

const SAMPLES = 7;
/** What a read of a database in the same place takes at most, with what the Worker does itself. */
const BESIDE_MS = 15;

/**
 * How far the Worker is from its database: a call that reads it once, against one that does not. The
 * platform says in `cf-placement` where a placed Worker runs, and in `cf-ray` where the call came in.
 */
async function* distances(
  base: string,
  token: string,
  { headers }: Answer<unknown>,
): AsyncGenerator<Finding> {
  const alone_ms = await median(() => answerOf(base, undefined, "/healthz"));
  const read_ms = await median(() => answerOf(base, token, "/v1/operations/orders?limit=1"));
  const between_ms = Math.max(0, read_ms - alone_ms);
  const edge = headers.get("cf-ray")?.split("-")[1];
  const placement = headers.get("cf-placement");
  const where = [
    edge && `calls from here come in at ${edge}`,
    placement && `the Worker runs at ${placement.split("-").at(-1)} (cf-placement: ${placement})`,
  ];
  const places = where.filter(Boolean).join(", ");
  const measured = `A call takes ${Math.round(alone_ms)} ms, and ${Math.round(between_ms)} ms more with one read of the database${places && `; ${places}`}.`;
  if (between_ms <= BESIDE_MS) {
    return yield good(`${measured} The Worker runs beside it: a call makes one wide-area trip.`);
  }
  yield bad(
    `${measured} The Worker runs away from it: each sequential call of the database is a wide-area trip, besides the first. docs/performance.md counts them.`,
    "`npm run deploy` places the Worker beside the database, which takes effect within minutes.",
  );
}

async function median(call: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const before_ms = performance.now();
    await call();
    took.push(performance.now() - before_ms);
  }
  return took.toSorted((a, b) => a - b)[Math.floor(SAMPLES / 2)] ?? 0;
}
