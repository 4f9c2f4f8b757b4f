import { render } from "preact";
import { createClient, type Feed } from "../../../packages/client/src/index.ts";
import { fetchWithClock } from "../shared/clock.ts";
import { dialogWords } from "../shared/dialog.tsx";
import { asProblem } from "../shared/problem.ts";
import { App, connection, guestProblem } from "./app.tsx";
import { watchCatalogue } from "./catalogue.ts";
import { forgetOrders, knownUntil, learn } from "./orders.ts";
import { watchAttempts } from "./placing.ts";
import { acceptGuest, guest, refuseGuest, requireGuest } from "./session.ts";
import { t } from "./texts/texts.ts";

/** A feed whose token is refused has ended; it is opened again, for the server may be at fault. */
const REFUSED_MS = 3_000;

/** Creates the guest who has none, and replaces the one whose token is refused, if that loses no orders. */
const shop = createClient({
  url: location.origin,
  fetch: fetchWithClock,
  token: async (refused) => {
    const known = guest.get();
    if (known && known.token === refused) refuseGuest(known);
    try {
      const { token } = await requireGuest();
      guestProblem.set(null);
      return token;
    } catch (error) {
      guestProblem.set(asProblem(error));
      throw error;
    }
  },
});

let feed: Feed | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;
let followed_ms = -Infinity;

function follow(): void {
  clearTimeout(retry);
  feed?.close();
  followed_ms = performance.now();
  feed = shop.feed({
    since: knownUntil() ?? undefined,
    // Orders come only after the server has accepted the token.
    onOrder: (order) => {
      acceptGuest(true);
      learn([order]);
    },
    onConnection: (state) => {
      if (state === "closed") return;
      if (state === "live") acceptGuest(false);
      connection.set(state);
    },
    onEnd: () => (retry = setTimeout(follow, REFUSED_MS)),
  });
}

/** Not at once after the last time: a server that refuses every token refuses the next guest's too. */
function followAnother(): void {
  clearTimeout(retry);
  feed?.close();
  connection.set("connecting");
  retry = setTimeout(follow, Math.max(0, followed_ms + REFUSED_MS - performance.now()));
}

let customerId = guest.get()?.customerId;
guest.subscribe(() => {
  const before = customerId;
  customerId = guest.get()?.customerId;
  if (before === undefined || before === customerId) return;
  // Another customer has other orders and needs another socket. So does nobody: a socket of the guest
  // before could come to life all the same, and then no call would ask for another guest.
  forgetOrders();
  followAnother();
});

document.title = t.pageTitle;
document.querySelector('meta[name="description"]')?.setAttribute("content", t.pageDescription);
Object.assign(dialogWords, { keep: t.keep, close: t.close });
const root = document.getElementById("app");
if (root) render(<App />, root);
watchCatalogue();
watchAttempts();
follow();
