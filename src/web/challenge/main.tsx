import type { Config } from "../../../packages/client/src/index.ts";
import type { ChallengeMessage } from "../shared/challenge-message.ts";

/**
 * Shows Cloudflare's Turnstile widget and gives its token to the page around this one. The widget's
 * script runs here, and in no page that has a guest's orders on it.
 * https://developers.cloudflare.com/turnstile/get-started/client-side-rendering/
 */

/** Neither proxied nor kept: Cloudflare asks that it is loaded from there. */
const SCRIPT =
  "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit&onload=onTurnstileLoad";

/** Of the widget's sizes, in px. */
const NORMAL = { size: "normal", width: 300, height: 65 } as const;
const COMPACT = { size: "compact", width: 150, height: 140 } as const;

/** What is used of the script's API. */
interface Widget {
  sitekey: string;
  action: string;
  size: "normal" | "compact";
  /** Whoever is checked decides whether to try again. */
  retry: "never";
  "response-field": false;
  callback(token: string): void;
  /** True: the error is handled, and not logged. */
  "error-callback"(code: string): true;
  "unsupported-callback"(): void;
}

declare global {
  interface Window {
    turnstile?: { render(place: HTMLElement, widget: Widget): unknown };
    onTurnstileLoad?: () => void;
  }
}

const tell = (message: ChallengeMessage): void => parent.postMessage(message, location.origin);
const fail = (why: string): void => tell({ challenge: "failed", why });

async function load(): Promise<void> {
  const response = await fetch("/v1/config");
  const { turnstile } = (await response.json()) as Partial<Config>;
  if (!turnstile) return fail("off");
  window.onTurnstileLoad = () => show(turnstile);
  const script = document.createElement("script");
  script.src = SCRIPT;
  script.onerror = () => fail("blocked");
  document.head.append(script);
}

function show({ siteKey, action }: NonNullable<Config["turnstile"]>): void {
  const place = document.getElementById("app");
  if (!place || !window.turnstile) return fail("script");
  const { size, height } = innerWidth < NORMAL.width ? COMPACT : NORMAL;
  window.turnstile.render(place, {
    sitekey: siteKey,
    action,
    size,
    retry: "never",
    "response-field": false,
    callback: (token) => tell({ challenge: "passed", token }),
    "error-callback": (code) => {
      fail(code);
      return true;
    },
    "unsupported-callback": () => fail("unsupported"),
  });
  tell({ challenge: "shown", height_px: height });
}

load().catch(() => fail("config"));
