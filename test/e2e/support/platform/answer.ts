/** An answer of the platform's API: a result, or an error by its code. */
export interface Answer {
  result: unknown;
  code?: number;
  message?: string;
  status?: number;
  /** Sent as it is instead of JSON. */
  text?: string;
}

export type Body = Record<string, unknown>;

export const ok = (result: unknown): Answer => ({ result });
export const refused = (status: number, code: number, message: string): Answer => ({
  result: null,
  status,
  code,
  message,
});
