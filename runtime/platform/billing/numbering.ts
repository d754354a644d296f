import type { Transaction } from '../database/connection.ts';

/** The next number of a series. */
export interface DocumentNumber {
  /** Such as `invoice 2026`: a row of `document_counters`. */
  readonly series: string;
  readonly sequence: number;
  /** As it stands on the document: `GF-2026-000017`. */
  readonly number: string;
}

const letters = { invoice: '', 'credit-note': 'C' } as const;

/** What has numbers. */
export type DocumentKind = keyof typeof letters;

/**
 * Takes the next number of the year's series. The counter's row stays locked until the transaction ends and goes back with
 * it, so that every number is some document's and none is missing. In the scope of the fleet.
 */
export async function takeNumber(
  db: Transaction,
  kind: DocumentKind,
  prefix: string,
  now: Date,
): Promise<DocumentNumber> {
  const year = now.getUTCFullYear();
  const series = `${kind} ${year}`;
  const { rows } = await db.raw<{ rows: { last: number }[] }>(
    `insert into document_counters as counter (series, last) values (?, 1)
      on conflict (series) do update set last = counter.last + 1 returning last`,
    [series],
  );
  const sequence = rows[0]?.last ?? 0;
  return { series, sequence, number: `${prefix}${letters[kind]}${year}-${String(sequence).padStart(6, '0')}` };
}

/** A series in which a number belongs to no document. */
export interface NumberGap {
  readonly series: string;
  readonly last: number;
  readonly documents: number;
}

/** Series whose documents do not have the numbers from 1 to the counter's, each once. In the scope of the fleet. */
export async function findNumberGaps(db: Transaction): Promise<NumberGap[]> {
  const { rows } = await db.raw<{ rows: NumberGap[] }>(
    `select series, c.last, count(d.sequence)::int as documents
      from document_counters c left join (
        select series, sequence from invoices union all select series, sequence from credit_notes
      ) d using (series)
      group by series, c.last
      having count(distinct d.sequence) <> c.last or min(d.sequence) <> 1 or max(d.sequence) <> c.last
      order by series`,
  );
  return rows;
}
