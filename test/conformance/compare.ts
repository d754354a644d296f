import type { Call } from './call.ts';
import { type Explanation, explanations } from './explained.ts';
import { differences } from './normalise.ts';
import type { Recording } from './record.ts';

/** A call that was answered otherwise than on MariaDB. */
export interface Difference {
  readonly call: Call;
  /** Paths in the answer with MariaDB's value and this one's. */
  readonly lines: readonly string[];
  readonly explanation?: Explanation;
}

export interface Comparison {
  readonly name: string;
  readonly calls: number;
  readonly equal: number;
  readonly different: readonly Difference[];
  /** Explanations whose call was answered alike: they have to go. */
  readonly outdated: readonly Explanation[];
}

/** Compares what a database answered with what MariaDB did. */
export function compare(calls: readonly Call[], reference: Recording, recording: Recording): Comparison {
  const different: Difference[] = [];
  const outdated: Explanation[] = [];
  for (const call of calls) {
    const expected = reference.answers.get(call.name);
    const actual = recording.answers.get(call.name);
    if (expected === undefined || actual === undefined) throw new Error(`${call.name}: no answer was recorded`);
    const lines = differences(expected, actual);
    const candidates = explanations.filter((explanation) => explanation.call === call.name);
    const explanation = candidates.find((candidate) => lines.length > 0 && candidate.holds(call, expected, actual));
    if (explanation === undefined) outdated.push(...candidates);
    if (lines.length > 0) different.push({ call, lines, ...(explanation === undefined ? {} : { explanation }) });
  }
  return { name: recording.name, calls: calls.length, equal: calls.length - different.length, different, outdated };
}
