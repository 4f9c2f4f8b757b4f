import type { Order, Shortage } from "../../../packages/client/src/index.ts";
import { now_ms } from "../shared/clock.ts";
import { isolated, linesText, money, timeOfDay } from "../shared/format.ts";
import type { LockstockProblem } from "../shared/problem.ts";
import { t } from "./texts/texts.ts";

/** Whole sentences for buyers, of the texts in their language. */

type NameOf = (sku: string) => string;

const sentences = (...parts: (string | undefined)[]): string => parts.filter(Boolean).join(" ");

export function reasonWords({ reason, shortages, lines }: Order): string {
  if (reason === null) return "";
  const nameOf: NameOf = (sku) => lines.find((line) => line.sku === sku)?.name ?? sku;
  return sentences(t.reason[reason], shortageWords(shortages, nameOf));
}

function shortageWords(shortages: readonly Shortage[] | undefined, nameOf: NameOf): string {
  const words = (shortages ?? []).map(({ sku, requested, available, reason }) => {
    const name = isolated(nameOf(sku));
    if (reason !== "out_of_stock") return t.shortage[reason](name);
    return available === 0
      ? t.shortage.none(name, requested)
      : t.shortage.some(name, requested, available);
  });
  return sentences(...words);
}

/** Why an order was not accepted, from the API's response. */
export const refusalWords = (problem: LockstockProblem, nameOf: NameOf): string =>
  sentences(whyRefused(problem, nameOf), t.nothingOrdered);

function whyRefused(problem: LockstockProblem, nameOf: NameOf): string {
  const { body, code, requestId } = problem;
  const details = shortageWords(body.shortages, nameOf);
  switch (code) {
    case "out_of_stock":
      return sentences(t.soldOutNow, details || t.somebodyFaster);
    case "limit_exceeded":
      return sentences(t.reason.limit_exceeded, details);
    case "paused":
      return sentences(t.reason.paused, details);
    case "sale_not_open":
      return body.saleStartsAt && Date.parse(body.saleStartsAt) > now_ms()
        ? t.opensAt(timeOfDay(body.saleStartsAt))
        : t.saleIsOver;
    case "unknown_item":
      return t.notOffered;
    default:
      return problem.isTemporary
        ? failureWords(problem)
        : sentences(t.notTaken, requestId ? `(${t.request} ${requestId})` : "");
  }
}

/** Why a call failed for now. */
export function failureWords({ status, isTemporary }: LockstockProblem): string {
  if (status === 0) return t.unreachable;
  if (status === 429) return t.crowded;
  return isTemporary ? t.busy : t.failed;
}

/** The text that a screen reader reads out when an order changes. */
export function announcement(order: Order): string {
  const { status, lines, total } = order;
  const text = t.changed[status](linesText(lines), money(total));
  return sentences(text, reasonWords(order));
}

/** Why a check has made no guest, for the buyer, who may try again. */
export function challengeWords(problem: LockstockProblem): readonly [title: string, text: string] {
  const { failed, late, incomplete, unverified } = t.challenge;
  switch (problem.code) {
    case "challenge_failed":
      return [failed, late];
    case "challenge_not_passed":
      return [incomplete, problem.detail];
    default:
      return problem.isTemporary ? [failed, unverified] : [failureWords(problem), t.triedAgain];
  }
}
