/** What wrangler's errors mean here, each in one sentence with what to do. No I/O. */

/** What a step changes, and the permission that an API token needs for it. */
export const PERMISSIONS = {
  account: "Account Settings: Read",
  queues: "Queues: Edit",
  database: "D1: Edit",
  analytics: "Account Analytics: Read",
  workers: "Workers Scripts: Edit",
} as const;

export type Subject = keyof typeof PERMISSIONS;

/** The first that fits is taken. `code` is the API's own, which wrangler prints as [code: N]. */
const CAUSES: { when: RegExp; says: (subject: Subject, said: string) => string }[] = [
  {
    when: /not authenticated|not logged in|necessary to set a CLOUDFLARE_API_TOKEN|"loggedIn": ?false|code: 10001\b/i,
    says: () =>
      "You are not logged in: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN (docs/deploy.md lists the permissions that it needs).",
  },
  {
    when: /Invalid API Token|Invalid access token|code: 1000\b|code: 9109\b|code: 6003\b/i,
    says: () =>
      "The platform does not know this token or login: make a new CLOUDFLARE_API_TOKEN, or run `npx wrangler login` again.",
  },
  {
    when: /More than one account available/i,
    says: () => "Your login reaches several accounts: set CLOUDFLARE_ACCOUNT_ID to the one to use.",
  },
  {
    when: /code: 10000\b|code: 10405\b|Authentication error|Forbidden|\b403\b/i,
    says: (subject) =>
      `Your token or login may not do this: give it the permission "${PERMISSIONS[subject]}" for the account, and repeat.`,
  },
  {
    when: /do not have Queues enabled|code: 10023\b|code: 100129\b/i,
    says: () =>
      "Queues are not enabled in this account: enable them in the dashboard (Workers & Pages, Queues), and repeat.",
  },
  {
    when: /code: 10063\b|register a workers\.dev subdomain|workers\.dev subdomain/i,
    says: () =>
      "The account has no workers.dev address yet: open Workers & Pages in the dashboard once, which makes one, and repeat.",
  },
  {
    when: /consumer_exists|code: 11004\b|already has a consumer|No worker consumer/i,
    says: () =>
      "Another Worker of this account consumes one of the queues, so the names are taken: choose others with `--env NAME`, or delete that consumer.",
  },
  {
    when: /Queue "([^"]+)" does not exist/i,
    says: (_, said) =>
      `The queue ${/Queue "([^"]+)"/i.exec(said)?.[1] ?? ""} is gone: repeat, which makes it again.`,
  },
  {
    when: /\b429\b|rate.?limit|code: 971\b/i,
    says: () => "The platform asks to slow down: repeat in a few minutes.",
  },
  {
    when: /fetch failed|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|getaddrinfo|socket hang up/i,
    says: () =>
      "The platform's API cannot be reached: check the network, and repeat; what is done stays done.",
  },
  {
    when: /code: 10013\b|unknown error has occurred|internal error|\b50[0-4]\b|Service Unavailable|malformed response|code: 100\d\d\b.*internal/i,
    says: () =>
      "The platform's API failed: repeat; what is done stays done (https://www.cloudflarestatus.com says whether it is known).",
  },
];

/** A sentence, or null for an error that this page does not know. */
export const explain = (said: string, subject: Subject): string | null =>
  CAUSES.find(({ when }) => when.test(said))?.says(subject, said) ?? null;

// oxlint-disable-next-line no-control-regex -- colours
const COLOUR = /\u001B\[[0-9;]*m/g;
const MAX_LINES = 20;
const NOISE = /^\s*$|Logs were written to|newer version of Wrangler|If you think this is a bug/;

/** The error in wrangler's own words: without colours, hints, and what it printed before. */
export function errorIn(output: string): string {
  const text = output.replaceAll(COLOUR, "");
  const start = text.indexOf("[ERROR]");
  const lines = text.slice(Math.max(start, 0)).split("\n");
  return lines
    .filter((line) => !NOISE.test(line))
    .slice(0, MAX_LINES)
    .join("\n");
}

export const isTaken = (said: string): boolean =>
  /code: 11009\b|code: 7502\b|already (?:taken|exists)/i.test(said);

export const isMissingWorker = (said: string): boolean =>
  /code: 10007\b|code: 10090\b|Worker "?[^"\s]*"? (?:was )?not found|does not exist on your account/i.test(
    said,
  );
