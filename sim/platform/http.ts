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

/** A header as a client sends it: the characters of the value are its bytes. */
export type HeaderLine = readonly [name: string, bytes: string];

/** A request as a Worker receives it. Its headers are those of the runtime: see below. */
export function received(
  url: string,
  { method, headers, body }: { method: string; headers: Iterable<HeaderLine>; body: string | null },
): Request {
  const shown = new ReceivedHeaders();
  for (const [name, bytes] of headers) shown.append(name, bytes);
  const request = new Request(url, { method, body });
  Object.defineProperty(request, "headers", { value: shown });
  return request;
}

/**
 * The runtime decodes header values as UTF-8, with U+FFFD for what is none (workerd #6927), and
 * joins those of one name by ", ". Node's hold bytes; test/e2e/raw-headers.test.ts shows workerd's.
 */
class ReceivedHeaders extends Headers {
  override get(name: string): string | null {
    const bytes = super.get(name);
    return bytes === null ? null : decoded(bytes);
  }

  override forEach(each: (value: string, name: string, headers: Headers) => void): void {
    super.forEach((bytes, name) => each(decoded(bytes), name, this));
  }
}

const decoded = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");
