import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** A server on this machine that answers as a test wants it to. */

export interface Heard {
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: object | string;
  /** Sends only so many bytes of the body, then cuts the connection. */
  cutAfter?: number;
}

/** "cut": the connection ends without an answer. "hang": nothing is answered. */
export type Answer = Reply | "cut" | "hang";

export const problem = (status: number, code: string, more: object = {}): Reply => ({
  status,
  headers: { "Content-Type": "application/problem+json" },
  body: { status, code, title: `Title of ${code}`, detail: "Detail.", requestId: "r-1", ...more },
});

/** `answer` gets the number of the request, from 1 on. */
export async function serve(
  answer: (number: number, heard: Heard) => Answer,
): Promise<{ url: string; heard: Heard[]; gone: () => number }> {
  const heard: Heard[] = [];
  let gone = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const one = { method, path, headers, body: Buffer.concat(chunks).toString() };
      heard.push(one);
      const reply = answer(heard.length, one);
      if (reply === "hang") return;
      if (reply === "cut") return void request.socket.destroy();
      const { status = 200, body = "", cutAfter } = reply;
      const text = typeof body === "string" ? body : JSON.stringify(body);
      response.writeHead(status, { "Content-Length": Buffer.byteLength(text), ...reply.headers });
      if (cutAfter === undefined) return void response.end(text);
      response.write(text.slice(0, cutAfter), () => request.socket.destroy());
    });
    response.on("close", () => {
      if (!response.writableEnded) gone++;
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, heard, gone: () => gone };
}

/** An order as the API returns it. */
export const orderView = (id: string, revision = 1, status = "pending") => ({
  id,
  status,
  reason: null,
  lines: [],
  total: { amount: 100, currency: "EUR" },
  amountDue: 100,
  customerId: "ada",
  revision,
  placedAt: "2026-11-26T10:00:00.000Z",
  updatedAt: `2026-11-26T10:00:0${revision}.000Z`,
  payBy: null,
});
