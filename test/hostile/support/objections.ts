import { PROBLEMS } from "../../../src/orders/http/problem.ts";

/** What is wrong with an answer to a hostile call, as a list that should be empty. */
export async function objections(
  response: Pick<Response, "status" | "headers" | "json" | "body">,
  mayBeUnavailable: boolean,
): Promise<string[]> {
  const { status, headers } = response;
  if (status < 400) return [];
  const type = headers.get("Content-Type");
  if (type !== "application/problem+json") return [`${status} is ${type}`];
  const problem = (await response.json()) as { code: string; status: number; requestId: string };
  const { code, status: told, requestId } = problem;
  const objections: string[] = [];
  if (!Object.hasOwn(PROBLEMS, code)) objections.push(`code ${code}`);
  if (told !== status) objections.push(`the problem says ${told}, the status is ${status}`);
  if (requestId !== headers.get("X-Request-Id")) objections.push(`requestId ${requestId}`);
  if (status >= 500 && !(mayBeUnavailable && code === "unavailable")) {
    objections.push(`${status} ${code}`);
  }
  return objections;
}
