import { isDeepStrictEqual } from 'node:util';
import type { Transaction } from '../database/connection.ts';
import { findClosing, lastClosing } from './closings.ts';
import { BillingError } from './errors.ts';
import { draftInvoices, type InvoiceDraft } from './invoice-draft.ts';
import { getInvoice, type Invoice } from './invoices.ts';
import { loadClosingRecords } from './records.ts';

/** What an issued invoice says that its records do not, or the other way round. */
export interface InvoiceDifference {
  readonly invoiceId: string;
  readonly number: string;
  /** Such as `line 3` or `tax`. */
  readonly what: string;
  readonly issued: unknown;
  readonly computed: unknown;
}

/**
 * Computes an issued invoice again from the records that its closing counted.
 *
 * @returns the differences; none where the records still say what was issued
 */
export async function verifyInvoice(db: Transaction, invoiceId: string): Promise<InvoiceDifference[]> {
  const invoice = await getInvoice(db, invoiceId);
  const { creatorId, period, currency } = invoice;
  const closing = await findClosing(db, creatorId, period);
  if (closing === undefined) throw new BillingError('not-found', `${period} was never closed`);
  const before = await lastClosing(db, creatorId, period);
  const records = await loadClosingRecords(db, creatorId, period, closing.recordsThrough, before?.recordsThrough ?? 0);
  return differences(
    invoice,
    draftInvoices(records).find((draft) => draft.currency === currency),
  );
}

/**
 * Computes every issued invoice in scope again.
 *
 * @param creatorId only this creator's @default all in scope
 */
export async function verifyInvoices(
  db: Transaction,
  creatorId?: string,
): Promise<{ readonly checked: number; readonly differences: readonly InvoiceDifference[] }> {
  const ids: string[] = await db('invoices')
    .modify((query) => creatorId !== undefined && query.where({ creator_id: creatorId }))
    .orderBy(['creator_id', 'period'])
    .pluck('id');
  const found: InvoiceDifference[] = [];
  for (const id of ids) found.push(...(await verifyInvoice(db, id)));
  return { checked: ids.length, differences: found };
}

function differences(invoice: Invoice, draft: InvoiceDraft | undefined): InvoiceDifference[] {
  const { id: invoiceId, number } = invoice;
  if (draft === undefined) return [{ invoiceId, number, what: 'invoice', issued: invoice.total, computed: undefined }];
  const amounts = (['net', 'taxBasisPoints', 'tax', 'total', 'reverseCharge'] as const).map(
    (what) => [what, invoice[what], draft[what]] as const,
  );
  const positions = Array.from({ length: Math.max(invoice.lines.length, draft.lines.length) }, (_, index) => index);
  const lines = positions.map((index) => [`line ${index + 1}`, invoice.lines[index], draft.lines[index]] as const);
  return [...amounts, ...lines]
    .filter(([, issued, computed]) => !isDeepStrictEqual(issued, computed))
    .map(([what, issued, computed]) => ({ invoiceId, number, what, issued, computed }));
}
