import { UsageError } from '../command.ts';

/** Bounds of an option that is a whole number. */
export interface Bounds {
  readonly value: string;
  readonly min: number;
  readonly max: number;
}

/** Whole numbers by option. @throws UsageError with a line for each that is none, or out of its bounds */
export function readNumbers<Name extends string>(options: Readonly<Record<Name, Bounds>>): Record<Name, number> {
  const entries = Object.entries<Bounds>(options);
  const problems = entries.flatMap(([name, { value, min, max }]) =>
    /^\d+$/.test(value) && Number(value) >= min && Number(value) <= max
      ? []
      : [`--${name}: expected a whole number from ${min} to ${max}; got ${JSON.stringify(value)}`],
  );
  if (problems.length > 0) throw new UsageError(problems);
  return Object.fromEntries(entries.map(([name, { value }]) => [name, Number(value)])) as Record<Name, number>;
}
