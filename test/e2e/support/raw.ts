import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** HTTP over a socket of our own, where everything may be written. A text's characters are bytes. */

export interface RawCall {
  socket: Socket;
  heard: () => string;
  isOver: () => boolean;
}

export function raw(base: URL, text: string): RawCall {
  const socket = connect(Number(base.port), base.hostname);
  let heard = "";
  let isOver = false;
  socket.on("data", (data) => (heard += data.toString("latin1")));
  socket.on("close", () => (isOver = true));
  socket.on("error", () => (isOver = true));
  socket.write(text, "latin1");
  onTestFinished(() => void socket.destroy());
  return { socket, heard: () => heard, isOver: () => isOver };
}

/** The head of a call, with further lines as they are given. */
export const head = (token: string, lines: readonly string[], path = "POST /v1/orders"): string =>
  [`${path} HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${token}`, ...lines, "", ""].join(
    "\r\n",
  );

export const JSON_TYPE = "Content-Type: application/json";

export const statusOf = (heard: string): number =>
  Number(/^HTTP\/1\.1 (\d{3})/.exec(heard)?.[1] ?? 0);
