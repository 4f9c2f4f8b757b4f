import { render } from "preact";
import { asProblem, ok } from "../shared/api.ts";
import { App, connection, guestProblem } from "./app.tsx";
import { watchCatalogue } from "./catalogue.ts";
import { Feed } from "./feed.ts";
import { forgetOrders, knownUntil, learn } from "./orders.ts";
import { resumeAttempts } from "./placing.ts";
import { acceptGuest, client, guest, refuseGuest, requireGuest } from "./session.ts";

/** Polling needs only the newest orders: the snapshot has the unfinished ones. */
const HISTORY = "20";

const feed = new Feed({
  url: (since) => {
    const url = new URL("/v1/feed", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (since !== null) url.searchParams.set("since", since);
    return url.href;
  },
  token: async () => {
    try {
      const { token } = await requireGuest();
      guestProblem.set(null);
      return token;
    } catch (error) {
      guestProblem.set(asProblem(error));
      throw error;
    }
  },
  since: knownUntil,
  poll: async () => {
    await requireGuest();
    return (await ok(client.v1.orders.$get({ query: { limit: HISTORY } }))).orders;
  },
  // The feed sends messages only after the server has accepted the token.
  onOrders: (orders) => {
    acceptGuest(orders.length > 0);
    learn(orders);
  },
  onConnection: (state) => connection.set(state),
  onRefused: () => {
    const refused = guest.get();
    if (refused) refuseGuest(refused);
  },
});

let customerId = guest.get()?.customerId;
guest.subscribe(() => {
  const next = guest.get()?.customerId;
  if (next === undefined || next === customerId) return;
  // Another customer has other orders and needs another socket.
  if (customerId !== undefined) {
    forgetOrders();
    feed.restart();
  }
  customerId = next;
});

const root = document.getElementById("app");
if (root) render(<App />, root);
watchCatalogue();
resumeAttempts();
feed.start();
