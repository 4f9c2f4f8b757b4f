import { useRef, useState } from "preact/hooks";
import { percentile, type SaleProgress, type SaleResult } from "../sale/figures.ts";
import { runSale } from "../sale/sale.ts";
import { announce } from "../shared/announce.tsx";
import { count, duration, plural } from "../shared/format.ts";
import { ProblemNotice } from "../shared/notices.tsx";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { Store, useStore } from "../shared/store.ts";
import { Field, textOf } from "./form.tsx";
import { LevelBar, LevelLegend } from "./level-bar.tsx";
import { token } from "./session.ts";

const SKU = "FLASH-SALE-DEMO";

interface State {
  progress: SaleProgress | null;
  result: SaleResult | null;
  problem: LockstockProblem | null;
  isRunning: boolean;
}

/** Outside the component, so that the sale continues while another view is shown. */
const sale = new Store<State>({ progress: null, result: null, problem: null, isRunning: false });

export function DemoView() {
  const state = useStore(sale);
  const [stop, setStop] = useState<AbortController | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const start = async (event: Event) => {
    event.preventDefault();
    const operatorToken = token.get();
    if (!form.current || state.isRunning || operatorToken === null) return;
    const data = new FormData(form.current);
    const controller = new AbortController();
    setStop(controller);
    sale.set({ progress: null, result: null, problem: null, isRunning: true });
    try {
      const result = await runSale({
        base: location.origin,
        operatorToken,
        sku: SKU,
        buyers: Number(textOf(data, "buyers")),
        units: Number(textOf(data, "units")),
        rate: Number(textOf(data, "rate")),
        signal: controller.signal,
        onProgress: (progress) => sale.update((last) => ({ ...last, progress })),
      });
      sale.set({ progress: result.progress, result, problem: null, isRunning: false });
      announce(`The sale is over. Oversold: ${result.verdict.oversold}.`);
    } catch (error) {
      sale.update((last) => ({ ...last, problem: asProblem(error), isRunning: false }));
    }
  };
  return (
    <section class="panel demo" aria-labelledby="demo-title">
      <div class="section-head">
        <h2 id="demo-title">Flash sale demo</h2>
        <p class="hint">
          Customers rush for too few units of the item <code>{SKU}</code>. The console orders for
          each of them, as a shop's own service does. Local runs only.
        </p>
      </div>
      <form ref={form} class="demo-form" onSubmit={(event: Event) => void start(event)}>
        <Field
          label="Buyers"
          name="buyers"
          type="number"
          min={1}
          max={5000}
          initial={200}
          required
        />
        <Field label="Units" name="units" type="number" min={1} max={5000} initial={40} required />
        <Field
          label="Buyers a second"
          name="rate"
          type="number"
          min={1}
          max={500}
          initial={50}
          required
        />
        <button
          type="submit"
          class="button primary"
          aria-disabled={state.isRunning ? "true" : "false"}
        >
          Start a sale
        </button>
        <button
          type="button"
          class="button quiet"
          aria-disabled={state.isRunning ? "false" : "true"}
          onClick={() => stop?.abort()}
        >
          Stop
        </button>
      </form>
      {state.problem ? <ProblemNotice problem={state.problem} /> : <></>}
      <Course progress={state.progress} />
      {state.result ? <Outcome result={state.result} /> : <></>}
    </section>
  );
}

const PHASES: Record<SaleProgress["phase"], string> = {
  stocking: "Putting the units on sale…",
  selling: "Buyers are arriving…",
  settling: "All are in; waiting for the last outcomes…",
  done: "The sale is over.",
  stopped: "Stopped.",
};

function Course({ progress }: { progress: SaleProgress | null }) {
  if (!progress) {
    return <p class="hint">Start a sale and watch: the bars below and the view “Sale” move.</p>;
  }
  const { buyers, pending, confirmed, soldOut, failed, elapsed_ms, latencies_ms, level } = progress;
  const { notice, failures } = progress;
  const waiting = Math.max(0, buyers - pending - confirmed - soldOut - failed);
  const parts = [
    ["confirmed", "confirmed", confirmed],
    ["pending", "pending", pending],
    ["cancelled", "sold out", soldOut],
    ["failed", "failed", failed],
    ["waiting", "yet to come", waiting],
  ] as const;
  return (
    <div class="course" data-phase={progress.phase}>
      <p class="course-phase" role="status">
        {PHASES[progress.phase]}
      </p>
      {notice === null ? <></> : <p class="notice warning">{notice}.</p>}
      {Object.entries(failures).map(([why, n]) => (
        <p class="notice bad">
          {plural(n, "buyer")} failed: {why}.
        </p>
      ))}
      <h3>Buyers</h3>
      <div class="level" aria-hidden="true">
        {parts.map(([name, , n]) => (
          <span class={name} style={{ width: `${(100 * n) / buyers}%` }} />
        ))}
      </div>
      <dl class="figures">
        {parts.map(([name, label, n]) => (
          <div class={name}>
            <dt>{label}</dt>
            <dd class="digits">{count(n)}</dd>
          </div>
        ))}
        <div>
          <dt>time</dt>
          <dd class="digits">{duration(elapsed_ms)}</dd>
        </div>
        <div>
          <dt>to outcome, p50 · p99</dt>
          <dd class="digits">
            {latencyWords(latencies_ms, 0.5)} · {latencyWords(latencies_ms, 0.99)}
          </dd>
        </div>
      </dl>
      <h3>Stock</h3>
      {level ? <LevelBar level={level} label="Stock of the sale" /> : <></>}
      <div class="course-stock">
        <LevelLegend />
        <p class="digits hint">
          {level
            ? `${count(level.received)} received = ${count(level.available)} available + ${count(level.held)} held + ${count(level.sold)} sold`
            : ""}
        </p>
      </div>
    </div>
  );
}

function latencyWords(sorted: readonly number[], share: number): string {
  const ms = percentile(sorted, share);
  return ms === null ? "–" : duration(ms);
}

function Outcome({ result: { progress, verdict } }: { result: SaleResult }) {
  const { oversold, isBalanced, isExact } = verdict;
  const checks = [
    [oversold === 0, `Oversold ${count(oversold)}`, "no unit was promised twice"],
    [isBalanced, "received = available + held + sold", "the item's counters add up"],
    [
      isExact,
      `${plural(progress.confirmed, "confirmed order")} = units taken`,
      "orders and stock agree",
    ],
    [progress.failed === 0, `${count(progress.failed)} failed`, "every buyer got an outcome"],
  ] as const;
  return (
    <ul class="verdict" aria-label="Invariants" data-oversold={oversold}>
      {checks.map(([isGood, what, why]) => (
        <li class={isGood ? "good" : "bad"}>
          <b>
            <span class="visually-hidden">{isGood ? "Holds: " : "Broken: "}</span>
            {what}
          </b>
          <small>{why}</small>
        </li>
      ))}
    </ul>
  );
}
