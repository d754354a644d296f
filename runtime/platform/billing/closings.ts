import type { Transaction } from '../database/connection.ts';
import type { Period } from './period.ts';

/** A month that was closed for a creator: its invoices are issued, and later records correct it on the next ones. */
export interface Closing {
  readonly period: Period;
  readonly recordsThrough: number;
  readonly closedAt: Date;
}

interface ClosingRow {
  readonly period: string;
  readonly records_through: number;
  readonly closed_at: Date;
}

/** The newest month that is closed for a creator. @param before only months before this one @default all */
export async function lastClosing(db: Transaction, creatorId: string, before?: Period): Promise<Closing | undefined> {
  const row: ClosingRow | undefined = await db('billing_closings')
    .where({ creator_id: creatorId })
    .modify((query) => before !== undefined && query.where('period', '<', before))
    .orderBy('period', 'desc')
    .first();
  return row && fromRow(row);
}

export async function findClosing(db: Transaction, creatorId: string, period: Period): Promise<Closing | undefined> {
  const row: ClosingRow | undefined = await db('billing_closings').where({ creator_id: creatorId, period }).first();
  return row && fromRow(row);
}

/** Notes that a month is closed. The caller holds the account's lock. */
export async function appendClosing(
  db: Transaction,
  creatorId: string,
  { period, recordsThrough, closedAt }: Closing,
): Promise<void> {
  await db('billing_closings').insert({
    creator_id: creatorId,
    period,
    records_through: recordsThrough,
    closed_at: closedAt,
  });
}

function fromRow({ period, records_through: recordsThrough, closed_at: closedAt }: ClosingRow): Closing {
  return { period, recordsThrough, closedAt };
}
