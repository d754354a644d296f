import type { InvoiceDraft } from '../../../runtime/platform/billing/invoice-draft.ts';
import { addDays, periodOf } from '../../../runtime/platform/billing/period.ts';
import { type History, minutesUntil, type Step } from './history.ts';
import { Oracle } from './oracle.ts';

/** Billing as a history sees it: with a database or without. */
export interface Books {
  /** Takes a step that is no close; what is not allowed changes nothing. */
  take(step: Exclude<Step, { kind: 'close' }>, at: Date): Promise<void>;
  /** Closes a month. @returns its invoices */
  close(period: string, at: Date): Promise<readonly InvoiceDraft[]>;
}

/** An invoice that is not what the oracle says, or does not add up. */
export interface Mismatch {
  readonly period: string;
  readonly currency: string;
  readonly expected: unknown;
  readonly got: unknown;
}

/** Lets a history happen and compares every invoice with the oracle's. */
export async function compareWithOracle(history: History, books: Books): Promise<Mismatch[]> {
  const oracle = new Oracle(history);
  const begin = new Date(`${history.begin}T00:00:00Z`);
  const mismatches: Mismatch[] = [];
  for (const step of history.steps) {
    const at = new Date(begin.getTime() + step.minute * 60_000);
    if (step.kind !== 'close') {
      oracle.take(step);
      await books.take(step, at);
      continue;
    }
    const period = periodOf(addDays(begin, minutesUntil(history.begin, step.month) / 1_440));
    const expected = oracle.close(step.month);
    const drafts = await books.close(period, at);
    const got = new Map(drafts.map(({ currency, net, total }) => [currency, { net, total }]));
    for (const currency of new Set([...expected.keys(), ...got.keys()])) {
      const pair = { expected: expected.get(currency), got: got.get(currency) };
      if (!isSame(pair.expected, pair.got)) mismatches.push({ period, currency, ...pair });
    }
    for (const { currency, lines, net, tax, total } of drafts) {
      const sum = lines.reduce((left, { amount }) => left + amount, 0);
      const sound = sum === net && net + tax === total && net >= 0;
      if (!sound) mismatches.push({ period, currency, expected: 'lines that add up', got: { sum, net, tax, total } });
    }
  }
  return mismatches;
}

/** An invoice whose lines undo each other is there or not: it asks for nothing. */
function isSame(a: { net: number; total: number } | undefined, b: { net: number; total: number } | undefined): boolean {
  return (a?.net ?? 0) === (b?.net ?? 0) && (a?.total ?? 0) === (b?.total ?? 0);
}

/** Key of a history's plan, which differs between histories that share a price list. */
export function planKey(name: string, index: number): string {
  return `${name}-${index}`;
}
