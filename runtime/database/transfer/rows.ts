import type { PlannedColumn, PlannedTable } from './plan.ts';
import type { ProblemList } from './refusal.ts';
import { type CanonicalValue, canonicalise, type ValueChange } from './values.ts';

/** How messages name a row: by its primary key. */
export function nameRow({ key, columns }: PlannedTable, row: readonly CanonicalValue[]): string {
  if (key.length === 0) return 'a row';
  return key.map((name) => `${name} ${row[columns.findIndex((column) => column.name === name)]}`).join(', ');
}

export interface FitOptions {
  /** Whether the target's text may hold the character NUL. */
  readonly holdsNul: boolean;
  readonly onChange: (column: string, change: ValueChange) => void;
  readonly unfit: ProblemList;
}

/** @returns the row in canonical values, or undefined where one does not fit its column, which is then reported */
export function fitRow(
  table: PlannedTable,
  values: readonly unknown[],
  options: FitOptions,
): CanonicalValue[] | undefined {
  const problems: string[] = [];
  const row = table.columns.map((column, at) => {
    try {
      return fitValue(column, values[at], options);
    } catch (error) {
      problems.push(`${column.name}: ${(error as Error).message}`);
      return null;
    }
  });
  for (const problem of problems) options.unfit.add(`table ${table.table}: ${nameRow(table, row)}: ${problem}`);
  return problems.length === 0 ? row : undefined;
}

function fitValue({ name, kind, maxLength }: PlannedColumn, given: unknown, options: FitOptions): CanonicalValue {
  let value = canonicalise(kind, given, (change) => options.onChange(name, change));
  if (value === null || kind !== 'text') return value;
  if (!options.holdsNul && value.includes('\0')) {
    value = value.replaceAll('\0', '');
    options.onChange(name, 'nul');
  }
  // Counting characters is slow, and units of UTF-16 are never fewer.
  if (maxLength !== undefined && value.length > maxLength && [...value].length > maxLength)
    throw new Error(`expected at most ${maxLength} characters; got ${[...value].length}`);
  return value;
}

const changeTexts: Readonly<Record<ValueChange, string>> = {
  nul: 'lost NUL characters, which PostgreSQL cannot hold',
  fraction: 'rounded to whole seconds, as MySQL and PostgreSQL keep them',
};

/** Counts what values lost on their way. */
export class ChangeCounts {
  readonly #counts = new Map<string, number>();

  add(table: string, column: string, change: ValueChange): void {
    const key = `${table}.${column}\n${change}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** A line for each column: `posts.html: 3 values lost …`. */
  describe(): string[] {
    return [...this.#counts].map(([key, count]) => {
      const [column, change] = key.split('\n') as [string, ValueChange];
      return `${column}: ${count} value${count === 1 ? '' : 's'} ${changeTexts[change]}`;
    });
  }
}
