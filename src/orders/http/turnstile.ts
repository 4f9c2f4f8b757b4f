import * as v from "valibot";
import { errorText } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { logThrottled } from "./log-throttle.ts";
import { Problem } from "./problem.ts";
import { TURNSTILE_ACTION, type TurnstileSettings } from "./turnstile-settings.ts";
import { readBounded } from "./validation.ts";

/**
 * Asks Cloudflare's siteverify about the token of a Turnstile widget.
 * https://developers.cloudflare.com/turnstile/get-started/server-side-validation/
 */

/** The platform's limit. */
export const MAX_TOKEN_CHARS = 2_048;
/** For one attempt, with the body of the answer. */
const ATTEMPT_TIMEOUT_MS = 4_000;
/** A token counts once. The idempotency key lets one check of it be repeated. */
const ATTEMPTS = 2;
/** The longest that a check takes. */
export const CHECK_MS = ATTEMPTS * ATTEMPT_TIMEOUT_MS;
const MAX_ANSWER_BYTES = 16_384;
/** Of what the answer says, in a log line. */
const MAX_LOGGED_CHARS = 100;

const AnswerSchema = v.object({
  success: v.boolean(),
  "error-codes": v.optional(v.array(v.string()), []),
  action: v.optional(v.string()),
  hostname: v.optional(v.string()),
});
type Answer = v.InferOutput<typeof AnswerSchema>;

/** The check could not be made this time. */
const INTERNAL_ERROR = "internal-error";
/** Not the buyer's fault: no token passes with this secret. */
const SECRET_ERRORS = ["missing-input-secret", "invalid-input-secret"];

/**
 * Throws `challenge_failed` for a token that siteverify refuses or that was made for something else,
 * and `unavailable` if it cannot be asked.
 */
export async function checkTurnstileToken(
  settings: TurnstileSettings,
  token: string,
  remoteIp: string | undefined,
): Promise<void> {
  const answer = await ask(settings, {
    secret: settings.secret,
    response: token,
    ...(remoteIp !== undefined && { remoteip: remoteIp }),
    // New for each check. With one that follows from the token, a token would pass again and again.
    idempotency_key: crypto.randomUUID(),
  });
  const codes = answer["error-codes"];
  if (!answer.success && codes.some((code) => SECRET_ERRORS.includes(code))) {
    logThrottled("error", "turnstile.misconfigured", {
      reason: "siteverify does not accept TURNSTILE_SECRET",
    });
    throw cannotCheck();
  }
  const reason = refusalOf(settings, answer);
  if (reason === null) return;
  logThrottled("warn", "turnstile.token_refused", { reason: reason.slice(0, MAX_LOGGED_CHARS) });
  throw new Problem("challenge_failed", {
    detail: "The check was not passed, or is too old, or was used before. Pass it again.",
  });
}

/** Why the token makes no guest; null: it does. */
function refusalOf({ hostnames }: TurnstileSettings, answer: Answer): string | null {
  const { success, action, hostname } = answer;
  if (!success) return answer["error-codes"].join(", ");
  if (hostnames === null) return null;
  if (action !== TURNSTILE_ACTION) return `the token is for the action ${action}`;
  if (hostname === undefined || !hostnames.includes(hostname)) {
    return `the token is of the host ${hostname}`;
  }
  return null;
}

async function ask({ verifyUrl }: TurnstileSettings, form: object): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      const call = () => askOnce(verifyUrl, JSON.stringify(form));
      return await withTimeout(ATTEMPT_TIMEOUT_MS, call, "siteverify");
    } catch (error) {
      if (attempt < ATTEMPTS) continue;
      logThrottled("error", "turnstile.check_failed", { error: errorText(error) });
      throw cannotCheck();
    }
  }
}

const cannotCheck = (): Problem =>
  new Problem("unavailable", {
    detail: "The check cannot be verified now. Pass it again shortly, for it counts once.",
  });

/** Throws without an answer that says whether the token is good. */
async function askOnce(url: string, body: string): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body,
    // "manual": whoever can redirect this request would get the secret, and choose the answer.
    redirect: "manual",
    signal: AbortSignal.timeout(ATTEMPT_TIMEOUT_MS),
  });
  if (response.status >= 500) {
    await response.body?.cancel();
    throw new Error(`siteverify answered ${response.status}`);
  }
  const bytes = await readBounded(response.body, MAX_ANSWER_BYTES);
  if (bytes === null) throw new Error(`the answer has more than ${MAX_ANSWER_BYTES} bytes`);
  const answer = v.safeParse(AnswerSchema, jsonOf(bytes));
  if (!answer.success) throw new Error(`siteverify answered ${response.status} without a verdict`);
  const codes = answer.output["error-codes"];
  if (!answer.output.success && codes.includes(INTERNAL_ERROR)) throw new Error(INTERNAL_ERROR);
  return answer.output;
}

function jsonOf(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
