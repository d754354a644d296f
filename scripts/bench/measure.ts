import { cpus, totalmem, type } from 'node:os';

/** Prints what every figure depends on. */
export function printMachine(): void {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  console.log(
    `machine: ${cpu?.model.trim() || 'unknown processor'}, ${cpus().length} cores, ${memory} GiB, ${type()}, Node ${process.version}`,
  );
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Least, middle and greatest of some figures. */
export function spreadOf(figures: readonly number[]): Spread {
  const sorted = [...figures].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { min: at(0), median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, max: at(sorted.length - 1) };
}

/** Prints rows under their columns; numbers to the right. */
export function printTable(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const text = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? cell.toFixed(2) : cell)));
  const widths = columns.map((column, at) => Math.max(column.length, ...text.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[], numeric: readonly boolean[]) =>
    cells
      .map((cell, at) => (numeric[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  const numeric = columns.map((_, at) => typeof rows[0]?.[at] === 'number');
  console.log([line(columns, numeric), ...text.map((row) => line(row, numeric))].join('\n'));
}
