import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../lib/project.ts";
import { descendants, type Process, runtimes, runtimesOf, signal } from "./processes.ts";

/** `both`: one process runs both Workers, as `npm start` does. `split`: one process each. */
export type Layout = "both" | "split";

const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 15_000;

/** `npm start` on a state that outlives it, on 127.0.0.1 and free ports. */
export class Stack {
  readonly base: string;
  readonly lines: string[] = [];
  layout: Layout | undefined;
  readonly #state: string;
  readonly #ports: [orders: number, stock: number];
  readonly #vars: Record<string, string>;
  #children: { part: "both" | "orders" | "stock"; child: ChildProcess }[] = [];

  static async on(state: string, vars: Record<string, string> = {}): Promise<Stack> {
    return new Stack(state, [await freePort(), await freePort()], vars);
  }

  private constructor(
    state: string,
    ports: [orders: number, stock: number],
    vars: Record<string, string>,
  ) {
    this.#state = state;
    this.#ports = ports;
    this.#vars = vars;
    this.base = `http://127.0.0.1:${ports[0]}`;
  }

  async start(layout: Layout): Promise<void> {
    this.layout = layout;
    if (layout === "both") this.#spawn("both");
    else {
      this.#spawn("orders");
      this.#spawn("stock");
    }
    await this.healthy();
  }

  /** Starts what `kill` has ended. */
  async restart(): Promise<void> {
    const alive = new Set(this.#children.map(({ part }) => part));
    if (this.layout === "split" && alive.has("orders") && !alive.has("stock")) {
      this.#spawn("stock");
      await this.healthy(this.#ports[1]);
    } else if (alive.size === 0 && this.layout) await this.start(this.layout);
    await this.healthy();
  }

  async healthy(port = this.#ports[0]): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (Date.now() < deadline) {
      const signal = AbortSignal.timeout(2_000);
      const url = `http://127.0.0.1:${port}/healthz`;
      if ((await fetch(url, { signal }).catch(() => undefined))?.status === 200) return;
      await sleep(50);
    }
    throw new Error(`not healthy within ${READY_TIMEOUT_MS / 1_000} s`);
  }

  /** SIGKILL to the runtime that runs the orders Worker; wrangler starts it again by itself. */
  async killRuntime(): Promise<void> {
    const [main] = this.#children;
    if (!main) throw new Error("nothing runs");
    const victim = runtimesOf(await this.#processes(main.child), this.#ports[0]).workers;
    if (!victim || !signal(victim.pid, "SIGKILL")) throw new Error("no runtime to kill");
  }

  /** SIGKILL to every process of the stack, or of one of its Workers. */
  async killAll(part?: "stock"): Promise<void> {
    const victims = this.#children.filter((one) => part === undefined || one.part === part);
    if (victims.length === 0) throw new Error("nothing to kill");
    for (const { child } of victims) {
      await this.#killTree(child);
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    this.#children = this.#children.filter((one) => !victims.includes(one));
  }

  /** Starts what was killed, and kills it again so much later, in the midst of its start. */
  async killStarting(after_ms: number): Promise<void> {
    this.#spawn("both");
    await sleep(after_ms);
    await this.killAll();
  }

  /** SIGTERM, as a shutdown does it; what does not end is killed. */
  async stop(): Promise<void> {
    const ending = this.#children;
    this.#children = [];
    await Promise.all(
      ending.map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, "exit").then(() => true);
        child.kill("SIGTERM");
        const late = sleep(STOP_TIMEOUT_MS, false, { ref: false });
        // It has ended all that it had started; their ids may be somebody else's by now.
        if (!(await Promise.race([ended, late]))) await this.#killTree(child);
      }),
    );
  }

  /** Resident memory of the runtimes, in bytes. */
  async memory(): Promise<number> {
    const all = await Promise.all(this.#children.map(({ child }) => this.#processes(child)));
    return runtimes(all.flat()).reduce((sum, { rss }) => sum + rss, 0);
  }

  /** All of them are stopped first, so that nobody cleans up or starts anything meanwhile. */
  async #killTree(child: ChildProcess): Promise<void> {
    child.kill("SIGSTOP");
    let below: Process[] = [];
    for (let known = -1; known < below.length;) {
      known = below.length;
      below = await this.#processes(child);
      for (const { pid } of below) signal(pid, "SIGSTOP");
    }
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    for (const { pid } of below) signal(pid, "SIGKILL");
  }

  async #processes({ pid }: ChildProcess): Promise<Process[]> {
    return pid === undefined ? [] : await descendants(pid);
  }

  #spawn(part: "both" | "orders" | "stock"): void {
    const port = part === "stock" ? this.#ports[1] : this.#ports[0];
    const args = [`--port=${port}`, `--state=${this.#state}`];
    if (part !== "both") args.push(`--only=${part}`);
    const child = spawn("npm", ["start", "--silent", "--", ...args], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...environment(), RATE_LIMIT: "off", ...this.#vars },
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => this.lines.push(`${part}: ${line}`));
    }
    this.#children.push({ part, child });
  }
}

/** Without what would make the run behave as a part of whatever has started this script. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|WRANGLER_)/.test(name));
  return Object.fromEntries(kept);
}

/** Asked of the system beforehand: scripts/start.ts wants a number. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
