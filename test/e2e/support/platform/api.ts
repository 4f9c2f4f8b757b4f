import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type Answer, type Body, ok, refused } from "./answer.ts";
import { PlatformStorage } from "./storage.ts";
import { PlatformWorkers, SUBDOMAIN } from "./workers.ts";

/**
 * The part of the platform's API that a deployment calls, on loopback, for `CLOUDFLARE_API_BASE_URL`.
 * It keeps what it is told and refuses what the platform refuses: a binding to what does not exist, a
 * second consumer, a migration that was applied. What it answers was taken from what wrangler 4.155
 * reads; it is no proof of what the platform answers.
 */

export const ACCOUNT = "0123456789abcdef0123456789abcdef";
const NAME = "The shop";

type Handler = (parts: string[], body: Body, url: URL) => Answer;

export class PlatformApi {
  readonly storage = new PlatformStorage();
  readonly workers = new PlatformWorkers(this.storage);
  /** Every call that has changed something, as `METHOD path`, without the account. */
  readonly changes: string[] = [];
  /** Every call that the stand-in does not know. */
  readonly unknown: string[] = [];
  /** Decides over each call that changes something; an answer takes the place of the effect. */
  onChange: (call: string) => Answer | undefined = () => undefined;
  /** Called once a change has taken effect, before its answer. */
  afterChange: (call: string) => void = () => {};
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void this.#handle(request).then(({ result, code, message, status = 200, text }) => {
        const errors = code === undefined ? [] : [{ code, message }];
        const success = code === undefined;
        const result_info = { page: 1, per_page: 100, count: 1, total_count: 1, total_pages: 1 };
        response.writeHead(status, { "content-type": "application/json" });
        response.end(
          text ?? JSON.stringify({ success, errors, messages: [], result, result_info }),
        );
      });
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `http://127.0.0.1:${address.port}/client/v4`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    this.storage.close();
  }

  async #handle(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const path = url.pathname.replace("/client/v4", "").replace(`/accounts/${ACCOUNT}`, "");
    const call = `${request.method} ${path}`;
    const body = await bodyOf(request);
    const isQuestion = path.endsWith("/query") && !/INSERT/i.test(String(body["sql"]));
    if (request.method === "GET" || isQuestion || path === "/graphql") {
      return this.#answer(call, url, body);
    }
    const fault = this.onChange(call);
    if (fault) return fault;
    const answer = this.#answer(call, url, body);
    if (answer.code === undefined) {
      this.changes.push(call);
      this.afterChange(call);
    }
    return answer;
  }

  #answer(call: string, url: URL, body: Body): Answer {
    for (const [pattern, handler] of this.#routes) {
      const match = pattern.exec(call);
      if (match) return handler(match.slice(1).map(decodeURIComponent), body, url);
    }
    this.unknown.push(call);
    return refused(404, 7003, `No route for ${call}`);
  }

  /** What analytics answer, which `d1 info` reads beside the database. */
  analytics: Answer = ok({ viewer: { accounts: [{ d1AnalyticsAdaptiveGroups: [] }] } });

  /** Bookmarks to which databases were put back. */
  readonly restored: string[] = [];

  /** Of a time, or of now, which is another after each restore. */
  #bookmark(time: string | null): string {
    return time === null ? `now-${this.restored.length}` : `at-${time}`;
  }

  readonly #routes = this.#routesOf().map(([call, handler]): [RegExp, Handler] => [
    new RegExp(`^${call.replaceAll("*", "([^/]+)")}$`),
    handler,
  ]);

  #routesOf(): [string, Handler][] {
    const { storage, workers } = this;
    const scripts = "/workers/scripts/*";
    return [
      ["GET /user/tokens/verify", () => ok({ id: "token", status: "active" })],
      ["GET /user", () => ok({ id: "user", email: "operator@shop.example" })],
      ["GET /accounts", () => ok([{ id: ACCOUNT, name: NAME }])],
      ["GET /memberships", () => ok([{ id: "m", account: { id: ACCOUNT, name: NAME } }])],
      ["POST /graphql", () => this.analytics],

      ["GET /queues", (_, __, url) => storage.listQueues(url.searchParams.getAll("name"))],
      ["POST /queues", (_, body) => storage.createQueue(String(body["queue_name"]))],
      ["POST /queues/*/consumers", ([id = ""], body) => storage.consume(id, body)],
      ["PUT /queues/*/consumers/*", ([id = "", old], body) => storage.consume(id, body, old)],

      ["GET /d1/database", (_, __, url) => storage.listDatabases(url.searchParams.get("name"))],
      ["POST /d1/database", (_, body) => storage.createDatabase(body)],
      ["GET /d1/database/*", ([id = ""]) => storage.database(id)],
      ["POST /d1/database/*/query", ([id = ""], body) => storage.query(id, String(body["sql"]))],

      [
        "GET /d1/database/*/time_travel/bookmark",
        (_, __, url) => ok({ bookmark: this.#bookmark(url.searchParams.get("timestamp")) }),
      ],
      [
        "POST /d1/database/*/time_travel/restore",
        (_, __, url) => {
          const previous_bookmark = this.#bookmark(null);
          const bookmark = url.searchParams.get("bookmark") ?? "";
          this.restored.push(bookmark);
          return ok({ bookmark, previous_bookmark, message: "restored" });
        },
      ],

      ["GET /workers/subdomain", () => ok({ subdomain: SUBDOMAIN })],
      ["GET /workers/services/*", ([name = ""]) => workers.service(name)],
      ["GET /workers/workers/*", ([name = ""]) => workers.address(name)],
      [`GET ${scripts}/secrets`, ([name = ""]) => workers.secrets(name)],
      [`GET ${scripts}/settings`, ([name = ""]) => workers.settings(name)],
      [`GET ${scripts}/deployments`, ([name = ""]) => workers.deployments(name)],
      [`PUT ${scripts}`, ([name = ""], body) => workers.upload(name, body)],
      [`POST ${scripts}/versions`, ([name = ""], body) => workers.createVersion(name, body)],
      [`POST ${scripts}/deployments`, ([name = ""], body) => workers.createDeployment(name, body)],
      [`PATCH ${scripts}/script-settings`, () => ok({})],
      [`POST ${scripts}/subdomain`, () => ok({ enabled: true, previews_enabled: true })],
      [`PUT ${scripts}/schedules`, ([name = ""], body) => workers.schedule(name, body)],
      [`POST ${scripts}/assets-upload-session`, (_, body) => workers.startAssets(body)],
      ["POST /workers/assets/upload", (_, body) => workers.uploadAssets(body)],
    ];
  }
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const type = request.headers["content-type"] ?? "";
  if (type.startsWith("multipart/")) {
    const form = await new Response(bytes, { headers: { "content-type": type } }).formData();
    return Object.fromEntries(form.entries());
  }
  return bytes.length > 0 ? (JSON.parse(bytes.toString()) as Body) : {};
}
