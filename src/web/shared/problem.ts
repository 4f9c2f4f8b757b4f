import { isRecord } from "./record.ts";

export interface Shortage {
  sku: string;
  requested: number;
  available: number;
  reason: string;
}

export interface ProblemBody {
  title: string;
  detail: string;
  /** 0: there was no response. */
  status: number;
  code?: string;
  requestId?: string | null;
  shortages?: Shortage[];
  saleStartsAt?: string | null;
  saleEndsAt?: string | null;
}

/** An error response of the API (RFC 9457), or a missing response. */
export class ApiProblem extends Error {
  readonly body: ProblemBody;
  /** The response's `Retry-After` in seconds; null: it has none. */
  readonly retryAfter: number | null;

  constructor(body: ProblemBody, retryAfter: number | null = null) {
    super(body.title);
    this.name = "ApiProblem";
    this.body = body;
    this.retryAfter = retryAfter;
  }

  get code(): string {
    return this.body.code ?? "";
  }

  /** Whether the same request may succeed later. It may also have taken effect already. */
  get isPassing(): boolean {
    const { status } = this.body;
    return status === 0 || status === 429 || status >= 500;
  }
}

export const unreachable = (): ApiProblem =>
  new ApiProblem({
    title: "The server cannot be reached",
    detail: "There was no answer. It is tried again.",
    status: 0,
  });

interface Answer {
  status: number;
  headers: Headers;
  json(): Promise<unknown>;
}

export async function problemOf(response: Answer): Promise<ApiProblem> {
  const body: unknown = await response.json().catch(() => null);
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const known = isRecord(body) ? body : {};
  return new ApiProblem(
    {
      ...known,
      title: typeof known["title"] === "string" ? known["title"] : "Something went wrong",
      detail: typeof known["detail"] === "string" ? known["detail"] : `Status ${response.status}.`,
      status: response.status,
    },
    Number.isFinite(retryAfter) ? retryAfter : null,
  );
}
