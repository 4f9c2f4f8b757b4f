import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { hourAndMinute } from "../shared/format.ts";

/** The frame of a plot over the last hour: axes, hover, legend, and the figures as a table. */

export interface Series {
  name: string;
  /** The style sheet's class for the colour. */
  className: string;
  /** One value per minute; null: none. */
  values: (number | null)[];
}

export interface Area {
  width: number;
  height: number;
  left: number;
  x: (minute: number) => number;
  y: (value: number) => number;
  /** The width of one minute. */
  step: number;
}

interface PlotProps {
  title: string;
  /** A summary in one sentence. */
  summary: string;
  unit: string;
  minutes: readonly string[];
  series: readonly Series[];
  ticks: readonly number[];
  format: (value: number) => string;
  /** Shown instead of the legend's figures when there is nothing to plot. */
  empty: string | null;
  draw: (area: Area) => ComponentChildren;
}

const HEIGHT = 208;
const BOTTOM = 24;
const TOP = 10;
const RIGHT = 8;
const TICK_MINUTES = 15;
/** The greatest width of a character on the axis. */
const LETTER = 7.5;

export function Plot(props: PlotProps) {
  const { title, summary, unit, minutes, series, ticks, format, empty, draw } = props;
  const [frame, width] = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const left = 16 + LETTER * Math.max(...ticks.map((tick) => format(tick).length));
  const inner = { width: Math.max(0, width - left - RIGHT), height: HEIGHT - TOP - BOTTOM };
  const step = inner.width / Math.max(1, minutes.length);
  const top = ticks.at(-1) ?? 1;
  const area: Area = {
    ...inner,
    step,
    left,
    x: (minute) => left + (minute + 0.5) * step,
    y: (value) => TOP + inner.height * (1 - value / top),
  };
  const point = ({ offsetX }: PointerEvent) => {
    const minute = Math.floor((offsetX - left) / step);
    setAt(minute >= 0 && minute < minutes.length ? minute : null);
  };
  return (
    <figure class="plot panel">
      <figcaption>
        <h3>
          {title} <small>{unit}</small>
        </h3>
        <p class="plot-at digits">
          {hourAndMinute(minutes[at ?? minutes.length - 1] ?? Date.now())}
        </p>
      </figcaption>
      <ul class="legend">
        {series.map(({ name, className, values }) => (
          <li class={className}>
            {name} <b class="digits">{figure(values, at, format)}</b>
          </li>
        ))}
      </ul>
      <div class="plot-frame" ref={frame}>
        <svg
          width={width}
          height={HEIGHT}
          viewBox={`0 0 ${width} ${HEIGHT}`}
          role="img"
          aria-label={`${title}: ${empty ?? summary}`}
          onPointerMove={point}
          onPointerLeave={() => setAt(null)}
        >
          <Axes ticks={ticks} area={area} minutes={minutes} format={format} />
          {at === null ? (
            <rect class="cursor" width="0" height="0" />
          ) : (
            <rect
              class="cursor"
              x={area.x(at) - step / 2}
              y={TOP}
              width={step}
              height={inner.height}
            />
          )}
          {draw(area)}
        </svg>
        {empty === null ? <></> : <p class="plot-empty">{empty}</p>}
      </div>
      <PlotTable {...props} />
    </figure>
  );
}

function figure(values: Series["values"], at: number | null, format: PlotProps["format"]): string {
  const value = values[at ?? values.length - 1] ?? null;
  return value === null ? "–" : format(value);
}

type AxesProps = Pick<PlotProps, "ticks" | "minutes" | "format"> & { area: Area };

function Axes({ ticks, area, minutes, format }: AxesProps) {
  const right = area.left + area.width;
  const marked = minutes
    .map((minute, i) => ({ minute, i }))
    .filter(({ minute }) => new Date(minute).getMinutes() % TICK_MINUTES === 0);
  return (
    <g class="axes">
      {ticks.map((tick) => (
        <g>
          <line
            class={tick === 0 ? "base" : ""}
            x1={area.left}
            x2={right}
            y1={area.y(tick)}
            y2={area.y(tick)}
          />
          <text x={area.left - 8} y={area.y(tick) + 4} text-anchor="end">
            {format(tick)}
          </text>
        </g>
      ))}
      {marked.map(({ minute, i }) => (
        <text {...markAt(area.x(i), right)} y={HEIGHT - 6}>
          {hourAndMinute(minute)}
        </text>
      ))}
    </g>
  );
}

/** Centred under its minute, but within the edges. */
const markAt = (x: number, right: number) =>
  x > right - 2.5 * LETTER ? { x: right, "text-anchor": "end" } : { x, "text-anchor": "middle" };

/** The same data as a table for screen readers and keyboards, without empty minutes. */
function PlotTable({ title, minutes, series, format }: PlotProps) {
  const rows = minutes
    .map((minute, i) => ({ minute, values: series.map(({ values }) => values[i] ?? null) }))
    .filter(({ values }) => values.some((value) => value !== null && value !== 0));
  return (
    <details class="plot-table">
      <summary>As a table</summary>
      <div class="scroll" tabindex={0} role="region" aria-label={`${title}, as a table`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Minute</th>
              {series.map(({ name }) => (
                <th scope="col">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.toReversed().map(({ minute, values }) => (
              <tr key={minute}>
                <th scope="row">{hourAndMinute(minute)}</th>
                {values.map((value) => (
                  <td>{value === null ? "–" : format(value)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** The current width of an element: plots are drawn in pixels, so that text keeps its size. */
function useWidth() {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.round(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [frame, width] as const;
}
