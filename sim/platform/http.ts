/**
 * Responses as the Workers runtime makes them: with status 101 and a socket, which Node's refuse.
 * Bodies are texts: reading a stream would not be over within one turn.
 */

interface Init {
  status?: number;
  headers?: ConstructorParameters<typeof Headers>[0];
  webSocket?: unknown;
}

export class SimResponse {
  readonly body: string | null;
  readonly status: number;
  readonly headers: Headers;
  readonly webSocket: unknown;

  constructor(body: string | null = null, { status = 200, headers, webSocket = null }: Init = {}) {
    if (body !== null && typeof body !== "string") throw new TypeError("only texts are simulated");
    this.body = body;
    this.status = status;
    this.headers = new Headers(headers);
    this.webSocket = webSocket;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  async text(): Promise<string> {
    return this.body ?? "";
  }
}
