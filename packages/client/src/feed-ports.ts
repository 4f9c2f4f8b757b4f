import type { FeedPorts, WebSocketLike } from "./feed-options.ts";
import type { Request } from "./request.ts";
import type { CallOptions } from "./retry.ts";
import type { Order, OrderPage } from "./types.ts";

const MAX_PAGE = 100;
/** Pages that the feed reads when a snapshot is truncated. */
const MAX_PAGES = 10;

interface Access {
  WebSocket?: (new (url: string, protocols: string[]) => WebSocketLike) | undefined;
}
interface Calls {
  request: Request;
  orders: (
    options: CallOptions & { limit: number; cursor?: string | undefined },
  ) => Promise<OrderPage>;
}

/** How the feed reaches the server at this base. */
export function feedPorts(client: Calls, base: string, access: Access): FeedPorts {
  const { WebSocket = globalThis.WebSocket } = access;
  if (typeof WebSocket !== "function") {
    throw new TypeError("There is no WebSocket here: give the client one as `WebSocket`.");
  }
  return {
    open: (since, protocols) => {
      const query = since === null ? "" : `?since=${encodeURIComponent(since)}`;
      return new WebSocket(`${base.replace(/^http/, "ws")}/v1/feed${query}`, protocols);
    },
    ticket: async (signal) =>
      (await client.request<{ ticket: string }>("POST", "/v1/feed/tickets", { signal })).ticket,
    read: async (limit, signal) => (await client.orders({ limit, timeout_ms: 0, signal })).orders,
    readAll: async (signal) => {
      const all: Order[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < MAX_PAGES; page++) {
        const { orders, nextCursor } = await client.orders({ limit: MAX_PAGE, cursor, signal });
        all.push(...orders);
        if (nextCursor === null) break;
        cursor = nextCursor;
      }
      return all;
    },
  };
}
