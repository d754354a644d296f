import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import { findAccount, lockAccount } from './accounts.ts';
import { appendClosing, lastClosing } from './closings.ts';
import { BillingError } from './errors.ts';
import { draftInvoices, hasEnded, type InvoiceDraft } from './invoice-draft.ts';
import { type Invoice, insertInvoice } from './invoices.ts';
import { nextPeriod, type Period, periodOf, periodsThrough, previousPeriod, requirePeriod } from './period.ts';
import { loadClosingRecords } from './records.ts';
import type { BillingSettings } from './settings.ts';

/** What closing a month brought. */
export interface ClosedMonths {
  /** Months that were not closed before. */
  readonly closed: readonly Period[];
  readonly invoices: readonly Invoice[];
}

/**
 * Closes a creator's month, and every month before it that is still open, and issues their invoices. Repeating it changes
 * nothing; interrupted, it leaves nothing. In the scope of the fleet, in a transaction of its own: the counters of numbers
 * stay locked until it ends.
 *
 * @throws BillingError where the month has not ended
 */
export async function closeCreatorMonth(
  db: Transaction,
  creatorId: string,
  period: Period,
  settings: BillingSettings,
  now: Date,
): Promise<ClosedMonths> {
  requireEnded(period, now);
  const { lastRecord, openedAt } = await lockAccount(db, creatorId);
  const last = await lastClosing(db, creatorId);
  const first = last === undefined ? periodOf(openedAt) : nextPeriod(last.period);
  const closed = periodsThrough(first, period);
  const invoices: Invoice[] = [];
  let previous = last?.recordsThrough ?? 0;
  for (const month of closed) {
    const records = await loadClosingRecords(db, creatorId, month, lastRecord, previous);
    await appendClosing(db, creatorId, { period: month, recordsThrough: lastRecord, closedAt: now });
    for (const draft of draftInvoices(records)) {
      invoices.push(await insertInvoice(db, creatorId, draft, lastRecord, settings, now));
    }
    previous = lastRecord;
  }
  return { closed, invoices };
}

/** A creator whose month could not be closed; the others' are. */
export interface ClosingFailure {
  readonly creatorId: string;
  readonly error: unknown;
}

/**
 * Issues the invoices of a month for every creator, each in a transaction of its own, so that one that fails keeps nobody
 * else's. Repeating it, or two at once, issues nothing twice.
 */
export async function issueInvoices(
  platform: PlatformDatabase,
  period: Period,
  settings: BillingSettings,
  now: Date,
): Promise<{ readonly invoices: readonly Invoice[]; readonly failures: readonly ClosingFailure[] }> {
  requireEnded(period, now);
  const creators = await platform.asFleet((db) => creatorsToClose(db, period));
  const invoices: Invoice[] = [];
  const failures: ClosingFailure[] = [];
  for (const creatorId of creators) {
    try {
      const month = await platform.asFleet((db) => closeCreatorMonth(db, creatorId, period, settings, now));
      invoices.push(...month.invoices);
    } catch (error) {
      failures.push({ creatorId, error });
    }
  }
  return { invoices, failures };
}

/** Creators whose month, or an earlier one, is still open. */
export async function creatorsToClose(db: Transaction, period: Period): Promise<string[]> {
  return db('billing_accounts as account')
    .whereRaw("to_char(opened_at at time zone 'UTC', 'YYYY-MM') <= ?", [requirePeriod(period)])
    .whereNotExists(
      db('billing_closings').where({ period }).whereRaw('creator_id = account.creator_id').select(db.raw('1')),
    )
    .orderBy('creator_id')
    .pluck('creator_id');
}

/**
 * What a creator's invoices of a month that is not closed would be if nothing happened until its end. Usage is what was
 * recorded so far.
 */
export async function estimateInvoices(db: Transaction, creatorId: string, period: Period): Promise<InvoiceDraft[]> {
  const account = await findAccount(db, creatorId);
  if (account === undefined) return [];
  const last = await lastClosing(db, creatorId, requirePeriod(period));
  // What came late for a month before is on this month's invoice only where that one is closed.
  const previous = last?.period === previousPeriod(period) ? last.recordsThrough : account.lastRecord;
  const records = await loadClosingRecords(db, creatorId, period, account.lastRecord, previous);
  return draftInvoices(records);
}

function requireEnded(period: Period, now: Date): void {
  if (hasEnded(requirePeriod(period), now)) return;
  throw new BillingError('too-early', `${period} has not ended yet`);
}
