import type { ItemDetails } from "../../orders/items/item.ts";
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
  /** The item as it is now, when it is not as a precondition wants it. */
  item?: ItemDetails;
}

interface ProblemHeaders {
  retryAfter?: number | null;
  etag?: string | null;
}

/** An error response of the API (RFC 9457), or a missing response. */
export class ApiProblem extends Error {
  readonly body: ProblemBody;
  /** The response's `Retry-After` in seconds; null: it has none. */
  readonly retryAfter: number | null;
  /** The `ETag` of the body's item; null: there is none. */
  readonly etag: string | null;

  constructor(body: ProblemBody, { retryAfter = null, etag = null }: ProblemHeaders = {}) {
    super(body.title);
    this.name = "ApiProblem";
    this.body = body;
    this.retryAfter = retryAfter;
    this.etag = etag;
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
    {
      retryAfter: Number.isFinite(retryAfter) ? retryAfter : null,
      etag: response.headers.get("ETag"),
    },
  );
}
