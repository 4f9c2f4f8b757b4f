import { setTimeout as sleep } from "node:timers/promises";
import { untilHealthy } from "../lib/health.ts";
import { freePort, NpmStart } from "../lib/npm-start.ts";
import { runtimesOf, signal } from "../lib/processes.ts";

/** `both`: one process runs both Workers, as `npm start` does. `split`: one process each. */
export type Layout = "both" | "split";
type Part = "both" | "orders" | "stock";

const HEALTHY_TIMEOUT_MS = 90_000;

/** One or two runs of `npm start` on a state that outlives them, on free ports. */
export class Stack {
  readonly base: string;
  layout: Layout | undefined;
  readonly #state: string;
  readonly #ports: Record<Part, number>;
  readonly #ended: string[] = [];
  readonly #running = new Map<Part, NpmStart>();

  static async on(state: string): Promise<Stack> {
    return new Stack(state, await freePort(), await freePort());
  }

  private constructor(state: string, orders: number, stock: number) {
    this.#state = state;
    this.#ports = { both: orders, orders, stock };
    this.base = `http://127.0.0.1:${orders}`;
  }

  /** What its processes have printed. */
  get lines(): string[] {
    const running = [...this.#running].flatMap(([part, run]) => linesOf(part, run));
    return [...this.#ended, ...running];
  }

  async start(layout: Layout): Promise<void> {
    this.layout = layout;
    const main = this.#start(layout === "both" ? "both" : "orders");
    if (layout === "split") this.#start("stock");
    await main.ready();
  }

  /** Starts what `kill` has ended. */
  async restart(): Promise<void> {
    if (this.#running.has("orders") && !this.#running.has("stock")) {
      await this.#start("stock").ready();
    } else if (this.#running.size === 0 && this.layout) await this.start(this.layout);
    await this.healthy();
  }

  healthy(): Promise<void> {
    return untilHealthy(this.base, HEALTHY_TIMEOUT_MS);
  }

  /** SIGKILL to the runtime that runs the orders Worker; wrangler starts it again by itself. */
  async killRuntime(): Promise<void> {
    const [main] = this.#running.values();
    if (!main) throw new Error("nothing runs");
    const victim = runtimesOf(await main.processes(), this.#ports.orders).workers;
    if (!victim || !signal(victim.pid, "SIGKILL")) throw new Error("no runtime to kill");
  }

  /** SIGKILL to every process of the stack, or of one of its Workers. */
  async killAll(part?: "stock"): Promise<void> {
    const victims = [...this.#running].filter(([one]) => part === undefined || one === part);
    if (victims.length === 0) throw new Error("nothing to kill");
    for (const [one, run] of victims) {
      await run.kill();
      this.#forget(one, run);
    }
  }

  /** Starts what was killed, and kills it again so much later, in the midst of its start. */
  async killStarting(after_ms: number): Promise<void> {
    this.#start("both");
    await sleep(after_ms);
    await this.killAll();
  }

  async stop(): Promise<void> {
    await Promise.all(
      [...this.#running].map(async ([part, run]) => {
        await run.stop();
        this.#forget(part, run);
      }),
    );
  }

  #start(part: Part): NpmStart {
    const args = part === "both" ? [] : [`--only=${part}`];
    const run = new NpmStart({ state: this.#state, port: this.#ports[part], args });
    this.#running.set(part, run);
    return run;
  }

  #forget(part: Part, run: NpmStart): void {
    this.#running.delete(part);
    this.#ended.push(...linesOf(part, run));
  }
}

const linesOf = (part: Part, { lines }: NpmStart): string[] =>
  lines.map((line) => `${part}: ${line}`);
