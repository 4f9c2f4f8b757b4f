/**
 * `npm run bench:profile`: where the CPU of
 * workerd goes while orders are placed and settled, by isolate and by function: the Workers', and
 * those of the local D1 and queues. Sampling slows everything down, so read the shares and no more.
 * Of Lockstock's queue a short table goes into bench/results, for docs/performance.md.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { readOptions } from "../scripts/lib/options.ts";
import { table } from "./lib/markdown.ts";
import { run, seed, warmUp } from "./lib/measure.ts";
import { listeningPorts, workerdsOf } from "./lib/meters.ts";
import { orders } from "./lib/orders.ts";
import { RESULTS } from "./lib/report.ts";
import { D1_ONLY, LANE, ONE_AT_A_TIME, QUEUE, withStack } from "./lib/systems.ts";

const SAMPLING_US = 200;
/** A longer gap between two samples is time in which the isolate did not run. */
const LONGEST_SAMPLE_MS = 0.4;
const FUNCTIONS_SHOWN = 25;
const ISOLATES_WRITTEN = 3;
const FUNCTIONS_WRITTEN = 8;

interface Profile {
  nodes: {
    id: number;
    callFrame: { functionName: string; lineNumber: number };
    children?: number[];
  }[];
  samples: number[];
  timeDeltas: number[];
}

interface Isolate {
  id: string;
  call: (method: string, params?: object) => Promise<{ profile?: Profile }>;
  close: () => void;
}

const SYSTEMS = [QUEUE, LANE, D1_ONLY, ONE_AT_A_TIME];
const USAGE = `usage: npm run bench:profile [-- --system NAME --concurrency N --orders N --skus N]

  --system       ${SYSTEMS.map(({ name }) => name).join(", ")}; default ${QUEUE.name}
  --concurrency  connections at a time; default 32
  --orders       default 4000
  --skus         that the orders are spread over; default 1`;

const {
  known,
  concurrency,
  orders: count,
  skus,
} = readOptions(
  USAGE,
  { system: QUEUE.name, concurrency: 32, orders: 4_000, skus: 1 },
  (values) => {
    const found = SYSTEMS.find(({ name }) => name === values.system);
    if (!found) throw new Error(`no system ${values.system}`);
    return { ...values, known: found };
  },
);
const system = { ...known, stack: { ...known.stack, isInspected: true } };

await withStack(system, async (stack) => {
  const skuOf = (i: number) => `SKU-${i % skus}`;
  const units = new Map(
    Array.from({ length: skus }, (_, i) => [skuOf(i), Math.ceil(count / 2 / skus)] as const),
  );
  await seed(stack, system, units);
  await warmUp(stack, system, concurrency);
  const lines = Array.from({ length: count }, (_, i) => [{ sku: skuOf(i), quantity: 1 }]);
  const requests = await orders(
    lines,
    system.prefer === undefined ? {} : { prefer: system.prefer },
  );
  const isolates = await connect();
  for (const { call } of isolates) {
    await call("Profiler.enable");
    await call("Profiler.setSamplingInterval", { interval: SAMPLING_US });
    await call("Profiler.start");
  }
  await run(stack, system, requests, units, { concurrency });
  const profiles: [string, Profile][] = [];
  for (const { id, call, close } of isolates) {
    const { profile } = await call("Profiler.stop");
    if (profile) profiles.push([id, profile]);
    close();
  }
  print(profiles);
});

/** Every isolate of the stack's workerd: Miniflare's own inspector shows the user's Workers only. */
async function connect(): Promise<Isolate[]> {
  for (const port of workerdsOf(process.pid).flatMap(listeningPorts)) {
    const answer = await fetch(`http://127.0.0.1:${port}/json`, {
      signal: AbortSignal.timeout(2_000),
    })
      .then((response) => response.json())
      .catch(() => null);
    if (!Array.isArray(answer)) continue;
    const targets = answer as { id: string; webSocketDebuggerUrl: string }[];
    return Promise.all(
      targets.map(({ id, webSocketDebuggerUrl }) => attach(id, webSocketDebuggerUrl)),
    );
  }
  throw new Error("workerd shows no inspector (it is found by /proc, so on Linux only)");
}

async function attach(id: string, url: string): Promise<Isolate> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (result: { profile?: Profile }) => void>();
  let calls = 0;
  socket.addEventListener("message", ({ data }) => {
    const { id: call, result = {} } = JSON.parse(String(data)) as { id: number; result?: object };
    waiting.get(call)?.(result);
    waiting.delete(call);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  return {
    id,
    call: (method, params = {}) =>
      new Promise((resolve) => {
        waiting.set(++calls, resolve);
        socket.send(JSON.stringify({ id: calls, method, params }));
      }),
    close: () => socket.close(),
  };
}

type Sum = { id: string } & ReturnType<typeof sum>;

function print(profiles: [string, Profile][]): void {
  const sums = profiles
    .map(([id, profile]): Sum => ({ id, ...sum(profile) }))
    .toSorted((a, b) => b.busy_ms - a.busy_ms);
  const total_ms = sums.reduce((all, { busy_ms }) => all + busy_ms, 0);
  const share = (ms: number) => `${((100 * ms) / total_ms).toFixed(1)} %`;
  for (const { id, busy_ms, self, inclusive } of sums) {
    if (busy_ms < total_ms / 100) continue;
    console.log(
      `\n${share(busy_ms).padStart(7)}  ${id}\n   of all, in the function itself | with what it calls`,
    );
    const [own, all] = [top(self), top(inclusive)];
    for (const [i, [name, ms]] of own.entries()) {
      const [callee = "", callee_ms = 0] = all[i] ?? [];
      const left = `${share(ms).padStart(7)} ${name.slice(0, 38).padEnd(38)}`;
      console.log(`  ${left} |${share(callee_ms).padStart(7)} ${callee}`);
    }
  }
  if (known === QUEUE) write(sums, share);
}

/** The isolates that count, and what takes most in each. */
function write(sums: readonly Sum[], share: (ms: number) => string): void {
  const rows = sums.slice(0, ISOLATES_WRITTEN).flatMap(({ id, busy_ms, self }) => [
    [`**${id}**`, `**${share(busy_ms)}**`],
    ...top(self)
      .slice(0, FUNCTIONS_WRITTEN)
      .map(([name, ms]) => [`\`${name}\``, share(ms)]),
  ]);
  const head = [`CPU of ${count} orders over ${skus} items, in the function itself`, "of all"];
  writeFileSync(join(RESULTS, `profile-${skus}.md`), `${table(head, rows)}\n`);
}

function top(times: Map<string, number>): [string, number][] {
  return [...times].toSorted(([, a], [, b]) => b - a).slice(0, FUNCTIONS_SHOWN);
}

function sum({ nodes, samples, timeDeltas }: Profile) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((c) => [c, id])));
  const nameOf = (id: number): string => {
    const { functionName = "", lineNumber = 0 } = byId.get(id)?.callFrame ?? {};
    return `${functionName || "(anonymous)"}:${lineNumber + 1}`;
  };
  const self = new Map<string, number>();
  const inclusive = new Map<string, number>();
  const add = (times: Map<string, number>, name: string, ms: number) =>
    times.set(name, (times.get(name) ?? 0) + ms);
  let busy_ms = 0;
  for (const [i, sample] of samples.entries()) {
    if (nameOf(sample).startsWith("(idle)")) continue;
    const ms = Math.min((timeDeltas[i] ?? 0) / 1_000, LONGEST_SAMPLE_MS);
    busy_ms += ms;
    add(self, nameOf(sample), ms);
    const stack = new Set<string>(); // a recursive function counts once
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) {
      stack.add(nameOf(id));
    }
    for (const name of stack) add(inclusive, name, ms);
  }
  return { busy_ms, self, inclusive };
}
