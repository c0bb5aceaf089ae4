// A table whose columns sort.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon } from "./icons";
import { Empty } from "./states";

export interface Column<T> {
  name: string;
  cell: (row: T) => ComponentChildren;
  sort?: (row: T) => number | string | null | undefined;
  right?: boolean;
  head?: boolean; // names the row
  wide?: boolean;
}

interface TableProps<T> {
  label: string;
  rows: readonly T[];
  columns: Column<T>[];
  id: (row: T) => string | number;
  none?: ComponentChildren;
  chosen?: string | number;
}

export function Table<T>({ label, rows, columns, id, none, chosen }: TableProps<T>) {
  const [order, setOrder] = useState<{ name: string; down: boolean } | null>(null);
  if (!rows.length) return <>{none ?? <Empty title="Nothing here yet" />}</>;
  const by = columns.find((each) => each.name === order?.name)?.sort;
  const sorted = by && order ? [...rows].sort((one, other) => compared(by(one), by(other)) * (order.down ? -1 : 1)) : rows;
  return (
    <div class="table" tabIndex={0} role="group" aria-label={label}>
      <table>
        <caption class="hidden-text">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.name} column={column} down={order?.name === column.name ? order.down : null} sort={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={id(row)} class={chosen !== undefined && id(row) === chosen ? "chosen" : ""}>
              {columns.map((column) => {
                const kind = `${column.right ? "right" : ""} ${column.wide ? "wide" : ""}`;
                return column.head ? (
                  <th key={column.name} scope="row" class={kind}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.name} class={kind}>
                    {column.cell(row)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadProps<T> {
  column: Column<T>;
  down: boolean | null;
  sort: (order: { name: string; down: boolean }) => void;
}

function Head<T>({ column, down, sort }: HeadProps<T>) {
  const direction = down === null ? undefined : down ? "descending" : "ascending";
  if (!column.name) {
    return (
      <th scope="col">
        <span class="hidden-text">Actions</span>
      </th>
    );
  }
  return (
    <th scope="col" class={column.right ? "right" : ""} aria-sort={direction}>
      {column.sort ? (
        <button type="button" onClick={() => sort({ name: column.name, down: down === null ? Boolean(column.right) : !down })}>
          {column.name}
          {down !== null && <Icon name={down ? "down" : "up"} size={12} />}
        </button>
      ) : (
        column.name
      )}
    </th>
  );
}

function compared(one: number | string | null | undefined, other: number | string | null | undefined): number {
  if (one === null || one === undefined) return other === null || other === undefined ? 0 : -1;
  if (other === null || other === undefined) return 1;
  return one < other ? -1 : one > other ? 1 : 0;
}
