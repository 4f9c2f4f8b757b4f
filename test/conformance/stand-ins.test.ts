import { describe, expect, it } from "vitest";
import { ALARM_CASES } from "./alarm.cases.ts";
import { D1_CASES } from "./d1.cases.ts";
import { LIMITER_CASES } from "./limiter.cases.ts";
import { OBJECT_CASES } from "./object.cases.ts";
import { QUEUE_CASES } from "./queue.cases.ts";
import { SOCKET_CASES } from "./socket.cases.ts";
import { onStandIns } from "./stand-ins.ts";

/** The same cases on the simulation's stand-ins. */

describe.each([
  ["D1", D1_CASES],
  ["Durable Objects", OBJECT_CASES],
  ["alarms", ALARM_CASES],
  ["Queues", QUEUE_CASES],
  ["rate limiter", LIMITER_CASES],
  ["WebSockets", SOCKET_CASES],
])("the simulated %s", (part, cases) => {
  it.each(cases.map((each, i) => ({ ...each, id: `${part}-${i}` })))(
    "$name",
    async ({ run, expected, id }) => {
      expect(await onStandIns((platform) => run(platform, id))).toEqual(expected);
    },
  );
});
