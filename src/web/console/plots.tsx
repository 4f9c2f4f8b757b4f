import type { Minute } from "../shared/api.ts";
import { count, duration } from "../shared/format.ts";
import { type Area, Plot, type Series } from "./plot.tsx";
import { niceCountTicks, niceTicks, runsOf } from "./scale.ts";

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Stacked columns: the outcomes of orders per minute. */
export function OrdersPlot({ perMinute }: { perMinute: readonly Minute[] }) {
  const series: Series[] = [
    { name: "confirmed", className: "confirmed", values: perMinute.map((m) => m.confirmed) },
    { name: "paid", className: "paid", values: perMinute.map((m) => m.paid) },
    { name: "cancelled", className: "cancelled", values: perMinute.map((m) => m.cancelled) },
  ];
  const totals = perMinute.map((m) => m.confirmed + m.paid + m.cancelled);
  const total = sum(totals);
  return (
    <Plot
      title="Orders"
      unit="a minute, last hour"
      minutes={perMinute.map(({ minute }) => minute)}
      series={series}
      ticks={niceCountTicks(Math.max(...totals, 0))}
      format={count}
      summary={series
        .map(({ name, values }) => `${count(sum(values.map((n) => n ?? 0)))} ${name}`)
        .join(", ")}
      empty={total === 0 ? "No order in the last hour." : null}
      draw={(area) => <Columns area={area} series={series} />}
    />
  );
}

function Columns({ area, series }: { area: Area; series: readonly Series[] }) {
  const width = Math.max(1, area.step - (area.step > 5 ? 2 : 1));
  const columns = (series[0]?.values ?? []).flatMap((_, i) => {
    let below = 0;
    return series.flatMap(({ className, values }) => {
      const value = values[i] ?? 0;
      if (value === 0) return [];
      const from = below;
      below += value;
      const y = area.y(below);
      return [{ className, x: area.x(i) - width / 2, y, height: area.y(from) - y }];
    });
  });
  return (
    <g>
      {columns.map(({ className, x, y, height }) => (
        <rect class={`column ${className}`} x={x} y={y} width={width} height={height} />
      ))}
    </g>
  );
}

/** Of all items together, or of one. */
type DemandMinute = Pick<Minute, "minute" | "confirmed" | "refused" | "refusedAtDoor">;

/** Stacked columns: what became of all who asked. */
export function DemandPlot({ perMinute }: { perMinute: readonly DemandMinute[] }) {
  const series: Series[] = [
    { name: "confirmed", className: "confirmed", values: perMinute.map((m) => m.confirmed) },
    { name: "refused by the item", className: "held", values: perMinute.map((m) => m.refused) },
    {
      name: "refused at the door",
      className: "cancelled",
      values: perMinute.map((m) => m.refusedAtDoor),
    },
  ];
  const totals = perMinute.map((m) => m.confirmed + m.refused + m.refusedAtDoor);
  return (
    <Plot
      title="Demand"
      unit="orders asked for a minute, last hour"
      minutes={perMinute.map(({ minute }) => minute)}
      series={series}
      ticks={niceCountTicks(Math.max(...totals, 0))}
      format={count}
      summary={[
        `${count(sum(totals))} asked`,
        ...series.map(({ name, values }) => `${count(sum(values.map((n) => n ?? 0)))} ${name}`),
      ].join(", ")}
      empty={sum(totals) === 0 ? "Nobody has asked in the last hour." : null}
      draw={(area) => <Columns area={area} series={series} />}
    />
  );
}

/** Two lines: how long buyers waited for the outcome. */
export function LatencyPlot({ perMinute }: { perMinute: readonly Minute[] }) {
  const series: Series[] = [
    { name: "p99", className: "p99", values: perMinute.map((m) => m.settleLatencyMs.p99) },
    { name: "p50", className: "p50", values: perMinute.map((m) => m.settleLatencyMs.p50) },
  ];
  const known = series.flatMap(({ values }) => values.filter((value) => value !== null));
  const most = Math.max(...known, 100);
  return (
    <Plot
      title="Time to outcome"
      unit="p50 and p99, last hour"
      minutes={perMinute.map(({ minute }) => minute)}
      series={series}
      ticks={niceTicks(most)}
      format={(ms) => (ms === 0 ? "0" : duration(ms))}
      summary={`at most ${duration(Math.max(...known, 0))} at the 99th percentile`}
      empty={known.length === 0 ? "No order was decided in the last hour." : null}
      draw={(area) => <Lines area={area} series={series} />}
    />
  );
}

function Lines({ area, series }: { area: Area; series: readonly Series[] }) {
  return (
    <g>
      {series.flatMap(({ className, values }) =>
        runsOf(values).map(({ from, values: run }) => {
          const points = run.map((value, i) => `${area.x(from + i)} ${area.y(value)}`);
          const last = run.length - 1;
          return (
            <g class={`line ${className}`}>
              <path d={`M${points.join("L")}`} />
              <circle cx={area.x(from + last)} cy={area.y(run[last] ?? 0)} r="3" />
            </g>
          );
        }),
      )}
    </g>
  );
}

const NONE = { placed: 0, confirmed: 0, paid: 0, cancelled: 0, refused: 0, refusedAtDoor: 0 };

/** Shows empty axes until there are figures. */
export function lastHour(): Minute[] {
  const now = Date.now() - (Date.now() % 60_000);
  const settleLatencyMs = { p50: null, p99: null };
  return Array.from({ length: 60 }, (_, i) => {
    const minute = new Date(now - (59 - i) * 60_000).toISOString();
    return { minute, ...NONE, settleLatencyMs };
  });
}
