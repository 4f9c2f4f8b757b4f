import type { Hostile } from "./inputs.ts";
import type { Route } from "./routes.ts";

/**
 * What is wrong with a call that was accepted, as a list that should be empty: no accepted call may
 * have said something that is not told apart from something else, or that nobody can read.
 */
export async function wronglyAccepted(
  route: Route,
  { headers, body }: Pick<Hostile, "headers" | "body">,
  response: Response,
): Promise<string[]> {
  if (!route.body || response.status >= 300) return [];
  const objections: string[] = [];
  const { "Idempotency-Key": key = "k", "Content-Encoding": coding = "identity" } = headers;
  if (route.hasKey && !/^[\x21-\x7e]+$/.test(key))
    objections.push(`the key ${JSON.stringify(key)}`);
  if (body && coding.toLowerCase() !== "identity") objections.push(`the coding ${coding}`);
  const sent = partsOf(body);
  const answer = partsOf(await response.clone().text());
  for (const name of ["saleStartsAt", "saleEndsAt"]) {
    const [time, kept] = [sent[name], answer[name]];
    if (typeof time === "string" && !isSameDay(time, kept)) objections.push(`${name} ${time}`);
  }
  for (const text of [answer.name, sent.reason]) {
    if (typeof text === "string" && UNREADABLE.test(text)) {
      objections.push(`the text ${JSON.stringify(text)}`);
    }
  }
  const { currency = "EUR" } = partsOf(JSON.stringify(sent.price)) as { currency?: string };
  if (!KNOWN_CURRENCIES.has(currency)) objections.push(`the currency ${currency}`);
  return objections;
}

const UNREADABLE = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;
const KNOWN_CURRENCIES = new Set(Intl.supportedValuesOf("currency"));
const DAY_MS = 86_400_000;

/** The date that was written is that of the moment that was kept, but for the offset's day. */
function isSameDay(time: string, kept: unknown): boolean {
  const day = time.slice(0, 10);
  const day_ms = Date.parse(`${day}T00:00:00Z`);
  const exists = !Number.isNaN(day_ms) && new Date(day_ms).toISOString().startsWith(day);
  return exists && Math.abs(Date.parse(String(kept)) - day_ms) < 2 * DAY_MS;
}

function partsOf(json: string | undefined): Record<string, unknown> {
  try {
    const parts: unknown = JSON.parse(json ?? "{}");
    return typeof parts === "object" && parts !== null ? { ...parts } : {};
  } catch {
    return {};
  }
}
