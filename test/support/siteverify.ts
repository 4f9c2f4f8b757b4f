import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What siteverify is sent. */
export interface SiteverifyForm {
  secret: string;
  response: string;
  remoteip?: string;
  idempotency_key: string;
}

/** The token that the stand-in takes, as often as it comes. */
export const GOOD_TOKEN = "a good token";

/** A stand-in for Cloudflare's siteverify that answers over HTTP, with its documented members. */
export class Siteverify {
  readonly heard: SiteverifyForm[] = [];
  /** Answers 502 instead. */
  isAway = false;
  /** Where the tokens come from. */
  hostname: string;
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const form = JSON.parse(Buffer.concat(chunks).toString()) as SiteverifyForm;
      this.heard.push(form);
      if (this.isAway) return void response.writeHead(502).end("away");
      response.writeHead(200, { "Content-Type": "application/json" });
      return void response.end(JSON.stringify(this.#verdictOn(form)));
    });
  });

  constructor(hostname: string) {
    this.hostname = hostname;
  }

  /** Answers its address, for the var TURNSTILE_VERIFY_URL. */
  async open(): Promise<string> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/siteverify`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #verdictOn({ response }: SiteverifyForm): object {
    if (response !== GOOD_TOKEN) {
      return { success: false, "error-codes": ["invalid-input-response"] };
    }
    return {
      success: true,
      "error-codes": [],
      challenge_ts: new Date().toISOString(),
      hostname: this.hostname,
      action: "guest",
      cdata: "",
    };
  }
}
