// Charts as SVG. Each says in words what it shows, and can be read as a table.
import { useEffect, useRef, useState } from "preact/hooks";
import { NONE, time } from "../format";
import { Table } from "./table";

const color = (number: number): string => `c${(number % 6) + 1}`;
const DASHES = [undefined, "6 4", "2 3", "8 3 2 3", "1 4", "10 4"]; // lines that differ by more than colour

function useWidth(): [{ current: HTMLDivElement | null }, number] {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!box.current) return;
    const watch = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return [box, width];
}

// Three to five round numbers from low to high.
export function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, number) => (first + number) * step);
}

export interface Series {
  name: string;
  values: (number | null)[];
  low?: (number | null)[];
  high?: (number | null)[];
}

interface LinesProps {
  label: string;
  at: number[]; // epoch seconds
  series: Series[];
  format: (value: number) => string;
  height?: number;
  floor?: number;
  ceiling?: number;
  zero?: boolean; // a line at nought
  area?: boolean;
}

const PAD = { top: 8, right: 6, bottom: 20, left: 46 };

export function Lines({ label, at, series, format, height = 180, floor, ceiling, zero, area }: LinesProps) {
  const [box, width] = useWidth();
  const [hover, setHover] = useState<number | null>(null);
  const all = series.flatMap((each) => [...each.values, ...(each.low ?? []), ...(each.high ?? [])]).filter((each) => each !== null);
  const low = floor ?? Math.min(...all, zero ? 0 : Infinity);
  const top = ceiling ?? Math.max(...all, zero ? 0 : -Infinity);
  const high = top > low ? top : low + (Math.abs(low) || 1);
  const [first = 0, last = 1] = [at[0], at.at(-1)];
  const x = (moment: number) => PAD.left + ((moment - first) / (last - first || 1)) * (width - PAD.left - PAD.right);
  const y = (value: number) => height - PAD.bottom - ((Math.min(Math.max(value, low), high) - low) / (high - low)) * (height - PAD.top - PAD.bottom);
  const shown = hover ?? at.length - 1;
  const find = (event: PointerEvent) => {
    const left = (event.currentTarget as Element).getBoundingClientRect().left;
    const moment = first + ((event.clientX - left - PAD.left) / (width - PAD.left - PAD.right)) * (last - first);
    let best = 0;
    at.forEach((each, number) => {
      if (Math.abs(each - moment) < Math.abs((at[best] ?? 0) - moment)) best = number;
    });
    setHover(best);
  };
  const marks = ticks(low, high);
  return (
    <div class="chart" ref={box}>
      <ul class="legend">
        {series.map((each, number) => (
          <li key={each.name}>
            <i class={color(number)} /> {each.name} <b>{value(each.values[shown], format)}</b>
          </li>
        ))}
        {hover !== null && <li>{time(at[hover])}</li>}
      </ul>
      {width > 0 && all.length > 0 && (
        <svg width={width} height={height} role="img" aria-label={summary(label, series, format)} onPointerMove={find} onPointerLeave={() => setHover(null)}>
          {marks.map((each) => (
            <g key={each}>
              <line class="axis" x1={PAD.left} x2={width - PAD.right} y1={y(each)} y2={y(each)} />
              <text x={PAD.left - 8} y={y(each) + 4} text-anchor="end">
                {format(each)}
              </text>
            </g>
          ))}
          <text x={PAD.left} y={height - 4}>
            {time(first)}
          </text>
          <text x={width - PAD.right} y={height - 4} text-anchor="end">
            {time(last)}
          </text>
          {series.map((each, number) => (
            <g key={each.name}>
              {each.low && each.high && <path class={`area ${color(number)}`} d={band(at, each.low, each.high, x, y)} />}
              {area && <path class={`area ${color(number)}`} d={band(at, each.values.map((one) => (one === null ? null : low)), each.values, x, y)} />}
              <path class={`stroke ${color(number)}`} d={path(at, each.values, x, y)} stroke-dasharray={DASHES[number % 6]} />
              {each.values[shown] !== null && each.values[shown] !== undefined && at[shown] !== undefined && (
                <circle class={`dot ${color(number)}`} cx={x(at[shown] ?? 0)} cy={y(each.values[shown] ?? 0)} r={3} />
              )}
            </g>
          ))}
          {hover !== null && <line class="cross" x1={x(at[hover] ?? 0)} x2={x(at[hover] ?? 0)} y1={PAD.top} y2={height - PAD.bottom} />}
        </svg>
      )}
      <AsTable label={label} at={at} series={series} format={format} />
    </div>
  );
}

const value = (number: number | null | undefined, format: (value: number) => string): string =>
  number === null || number === undefined ? NONE : format(number);

function summary(label: string, series: Series[], format: (value: number) => string): string {
  const each = series.map(({ name, values }) => `${name} ${value(values.findLast((one) => one !== null), format)}`);
  return `${label}: ${each.join(", ")} at last`;
}

type Scale = (value: number) => number;

function path(at: number[], values: (number | null)[], x: Scale, y: Scale): string {
  let pen = "M";
  let drawn = "";
  values.forEach((each, number) => {
    if (each === null) {
      pen = "M";
      return;
    }
    drawn += `${pen}${x(at[number] ?? 0).toFixed(1)} ${y(each).toFixed(1)}`;
    pen = "L";
  });
  return drawn;
}

function band(at: number[], low: (number | null)[], high: (number | null)[], x: Scale, y: Scale): string {
  const inside = at.map((_, number) => number).filter((number) => (low[number] ?? null) !== null && (high[number] ?? null) !== null);
  if (!inside.length) return "";
  const point = (number: number, of: (number | null)[]) => `${x(at[number] ?? 0).toFixed(1)} ${y(of[number] ?? 0).toFixed(1)}`;
  return `M${inside.map((each) => point(each, high)).join("L")}L${inside.reverse().map((each) => point(each, low)).join("L")}Z`;
}

function AsTable({ label, at, series, format }: Pick<LinesProps, "label" | "at" | "series" | "format">) {
  const step = Math.max(Math.ceil(at.length / 20), 1);
  const rows = at.map((moment, number) => ({ moment, number })).filter(({ number }) => (at.length - 1 - number) % step === 0);
  return (
    <details class="as-table">
      <summary>As a table</summary>
      <Table
        label={label}
        rows={rows}
        id={(row) => row.moment}
        columns={[
          { name: "Time", head: true, cell: (row) => time(row.moment) },
          ...series.map((each) => ({ name: each.name, right: true, cell: (row: { number: number }) => value(each.values[row.number], format) })),
        ]}
      />
    </details>
  );
}

export function Spark({ values, tone = 0 }: { values: (number | null)[]; tone?: number }) {
  const known = values.filter((each): each is number => each !== null);
  if (known.length < 2) return <svg viewBox="0 0 100 30" aria-hidden="true" />;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const x = (number: number) => (number / (values.length - 1)) * 100;
  const y = (each: number) => (high > low ? 27 - ((each - low) / (high - low)) * 24 : 15);
  const at = values.map((_, number) => number);
  return (
    <svg viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true">
      <path class={`area ${color(tone)}`} d={band(at, values.map((each) => (each === null ? null : low)), values, x, y)} />
      <path d={path(at, values, x, y)} class={color(tone)} fill="none" stroke-width="1.5" vector-effect="non-scaling-stroke" />
    </svg>
  );
}

export interface Interval {
  name: string;
  value: number | null;
  low: number | null;
  high: number | null;
  tone?: "good" | "bad" | "";
}

// Effects with their intervals around nought; an end that is not bounded yet runs out of the picture.
export function Intervals({ label, rows, format }: { label: string; rows: Interval[]; format: (value: number) => string }) {
  const [box, width] = useWidth();
  const known = rows.flatMap((row) => [row.value, row.low, row.high]).filter((each) => each !== null);
  const reach = Math.max(...known.map(Math.abs), 0.01) * 1.15;
  const [left, right, line] = [110, 12, 34];
  const height = rows.length * line + 24;
  const x = (each: number) => left + ((each + reach) / (2 * reach)) * (width - left - right);
  const words = rows.map((row) => `${row.name} ${value(row.value, format)}, from ${value(row.low, format)} to ${value(row.high, format)}`);
  return (
    <div class="chart" ref={box}>
      {width > 0 && (
        <svg width={width} height={height} role="img" aria-label={`${label}: ${words.join("; ")}`}>
          {ticks(-reach, reach).map((each) => (
            <g key={each}>
              <line class={each === 0 ? "cross" : "axis"} x1={x(each)} x2={x(each)} y1={0} y2={height - 20} />
              <text x={x(each)} y={height - 5} text-anchor="middle">
                {format(each)}
              </text>
            </g>
          ))}
          {rows.map((row, number) => {
            const middle = number * line + line / 2;
            const tone = row.tone === "good" ? "c3" : row.tone === "bad" ? "c6" : "c5";
            return (
              <g key={row.name}>
                <text x={0} y={middle + 4}>
                  {row.name}
                </text>
                <line class={`stroke ${tone}`} x1={row.low === null ? left : x(row.low)} x2={row.high === null ? width - right : x(row.high)} y1={middle} y2={middle} stroke-width={4} stroke-dasharray={row.low === null || row.high === null ? "2 5" : undefined} />
                {row.value !== null && <circle class={`dot ${tone}`} cx={x(row.value)} cy={middle} r={5.5} />}
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

export interface Part {
  name: string;
  value: number;
}

export function Meter({ label, parts, format }: { label: string; parts: Part[]; format: (value: number) => string }) {
  const total = parts.reduce((sum, each) => sum + each.value, 0);
  return (
    <div class="stack tight">
      <div class="meter" role="img" aria-label={`${label}: ${parts.map((each) => `${each.name} ${format(each.value)}`).join(", ")}`}>
        {parts.map((each, number) => (
          <i key={each.name} class={color(number)} style={{ width: `${total ? (100 * each.value) / total : 0}%` }} />
        ))}
      </div>
      <ul class="legend">
        {parts.map((each, number) => (
          <li key={each.name}>
            <i class={color(number)} /> {each.name} <b>{format(each.value)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function Bars({ rows, format, most }: { rows: Part[]; format: (value: number) => string; most?: number }) {
  const longest = most ?? Math.max(...rows.map((row) => row.value), 0);
  return (
    <ul class="bars">
      {rows.map((row) => (
        <li key={row.name}>
          <span>{row.name}</span>
          <span class="track">
            <i style={{ width: `${longest > 0 ? Math.max((100 * row.value) / longest, 0) : 0}%` }} />
          </span>
          <span class="number">{format(row.value)}</span>
        </li>
      ))}
    </ul>
  );
}
