import { env, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { ALARM_CASES } from "./alarm.cases.ts";
import { D1_CASES } from "./d1.cases.ts";
import { LIMITER_CASES } from "./limiter.cases.ts";
import { OBJECT_CASES } from "./object.cases.ts";
import type { Platform, ProbeStub } from "./platform.ts";
import { QUEUE_CASES } from "./queue.cases.ts";
import { SOCKET_CASES } from "./socket.cases.ts";

/** The cases on the real runtime. */

interface TestEnv {
  DB: D1Database;
  PROBE: DurableObjectNamespace;
  QUEUE: Queue;
  LIMITER: RateLimit;
}

const { DB: db, PROBE, QUEUE: queue, LIMITER: limiter } = env as unknown as TestEnv;
let objects = 0;

const platform: Platform = {
  db,
  queue,
  limiter,
  inObject: (work) =>
    runInDurableObject(PROBE.getByName(`own-${objects++}`), (_, state) => work(state)),
  probe: (name) => PROBE.getByName(name) as unknown as ProbeStub,
  connect: async (name) => {
    const { webSocket } = await PROBE.getByName(name).fetch("https://probe/", {
      headers: { Upgrade: "websocket" },
    });
    if (!webSocket) throw new Error("no socket came");
    const heard: string[] = [];
    webSocket.addEventListener("message", ({ data }) => heard.push(String(data)));
    webSocket.addEventListener("close", ({ code, reason }) => {
      heard.push(`closed ${code} ${reason}`);
      webSocket.close();
    });
    webSocket.accept();
    return {
      heard,
      send: (text) => webSocket.send(text),
      close: (code) => webSocket.close(code),
    };
  },
  now: Date.now,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

it.each(D1_CASES)("the real D1: $name", async ({ run, expected }) => {
  expect(await run(platform, "")).toEqual(expected);
});

// What waits for the clock waits together.
describe.each([
  ["Durable Objects", OBJECT_CASES],
  ["alarms", ALARM_CASES],
  ["Queues", QUEUE_CASES],
  ["rate limiter", LIMITER_CASES],
  ["WebSockets", SOCKET_CASES],
])("the real %s", (part, cases) => {
  it.concurrent.each(cases.map((each, i) => ({ ...each, id: `${part}-${i}` })))(
    "$name",
    { timeout: 30_000 },
    async ({ run, expected, id }) => {
      expect(await run(platform, id)).toEqual(expected);
    },
  );
});
