import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import type { Transaction } from '../database/connection.ts';
import { type BillingDetails, billingDetails } from './accounts.ts';
import { BillingError } from './errors.ts';
import type { InvoiceDraft, InvoiceLine } from './invoice-draft.ts';
import { takeNumber } from './numbering.ts';
import { addDays } from './period.ts';
import type { BillingSettings, Seller } from './settings.ts';

/** Who an invoice is made out to; only the name is sure to be known. */
export type Buyer = Pick<BillingDetails, 'name'> & Partial<BillingDetails>;

/** What every issued document says of itself. It never changes. */
export interface IssuedDocument {
  readonly id: string;
  readonly creatorId: string;
  readonly number: string;
  readonly issuedAt: Date;
  readonly currency: string;
  readonly net: number;
  readonly taxBasisPoints: number;
  readonly tax: number;
  readonly total: number;
  readonly reverseCharge: boolean;
  readonly seller: Seller;
  readonly buyer: Buyer;
}

export interface InvoiceSummary extends IssuedDocument {
  readonly period: string;
  readonly dueAt: Date;
}

export interface Invoice extends InvoiceSummary {
  readonly lines: readonly InvoiceLine[];
}

/** An invoice with what came in for it. */
export interface InvoiceWithBalance extends InvoiceSummary {
  /** Sum of its credit notes. */
  readonly credited: number;
  /** Sum of its payments, less what went back. */
  readonly paid: number;
  /** What is still to be paid; negative where too much was. */
  readonly balance: number;
}

/** Writes an invoice under the next number. The caller holds the account's lock and notes the closing. */
export async function insertInvoice(
  db: Transaction,
  creatorId: string,
  draft: InvoiceDraft,
  through: number,
  settings: BillingSettings,
  now: Date,
): Promise<Invoice> {
  const id = randomUUID();
  const buyer = await buyerOf(db, creatorId, through);
  const { series, sequence, number } = await takeNumber(db, 'invoice', settings.numberPrefix, now);
  const dueAt = addDays(now, settings.paymentDays);
  const { lines, period, currency, net, taxBasisPoints, tax, total, reverseCharge } = draft;
  await db('invoices').insert({
    id,
    creator_id: creatorId,
    series,
    sequence,
    number,
    period,
    currency,
    issued_at: now,
    due_at: dueAt,
    line_count: lines.length,
    net,
    tax_basis_points: taxBasisPoints,
    tax,
    total,
    reverse_charge: reverseCharge,
    seller: JSON.stringify(settings.seller),
    buyer: JSON.stringify(buyer),
  });
  await db('invoice_lines').insert(
    lines.map(({ priceVersion, unitAmount, ...line }) => ({
      ...line,
      invoice_id: id,
      creator_id: creatorId,
      price_version: priceVersion,
      unit_amount: unitAmount,
    })),
  );
  const { seller } = settings;
  return { ...draft, id, creatorId, number, issuedAt: now, dueAt, seller, buyer };
}

/** @throws BillingError where the scope shows no such invoice */
export async function getInvoice(db: Transaction, id: string): Promise<Invoice & InvoiceWithBalance> {
  const row = await invoiceRows(db).where('invoices.id', id).first();
  if (row === undefined) throw new BillingError('not-found', 'there is no such invoice');
  return { ...toSummary(row), lines: await invoiceLines(db, id) };
}

export interface InvoiceFilter {
  /** @default every creator in scope */
  readonly creatorId?: string;
  /** Only what lists a site. @default all */
  readonly site?: string;
  /** Only what is not paid in full. @default false */
  readonly open?: boolean;
  /** @default 100 */
  readonly limit?: number;
  /** @default 0 */
  readonly offset?: number;
}

/** Invoices in scope, the newest first. */
export async function listInvoices(db: Transaction, filter: InvoiceFilter = {}): Promise<InvoiceWithBalance[]> {
  const { creatorId, site, open = false, limit = 100, offset = 0 } = filter;
  const rows = await invoiceRows(db)
    .modify((query) => {
      if (creatorId !== undefined) query.where('invoices.creator_id', creatorId);
      if (open) query.where('balance', '>', 0);
      if (site === undefined) return;
      query.whereExists(db('invoice_lines').where({ site }).whereRaw('invoice_id = invoices.id').select(db.raw('1')));
    })
    .orderBy([
      { column: 'issued_at', order: 'desc' },
      { column: 'number', order: 'desc' },
    ])
    .limit(limit)
    .offset(offset);
  return rows.map(toSummary);
}

/** The lines of an invoice as they were stored, in their order. */
export async function invoiceLines(db: Transaction, invoiceId: string): Promise<InvoiceLine[]> {
  const rows = await db('invoice_lines').where({ invoice_id: invoiceId }).orderBy('position');
  return rows.map((row) => ({
    position: row.position,
    kind: row.kind,
    site: row.site,
    metric: row.metric,
    plan: row.plan,
    priceVersion: row.price_version,
    period: row.period,
    from: row.from,
    to: row.to,
    quantity: row.quantity,
    unitAmount: row.unit_amount,
    amount: row.amount,
    description: row.description,
  }));
}

async function buyerOf(db: Transaction, creatorId: string, through: number): Promise<Buyer> {
  const details = await billingDetails(db, creatorId, through);
  if (details !== undefined) return details;
  const creator = await db('creators').where({ creator_id: creatorId }).first('name', 'email');
  return { name: creator?.name ?? creator?.email ?? creatorId };
}

/** What the rows of every issued document have in common. */
export interface DocumentRow {
  readonly id: string;
  readonly creator_id: string;
  readonly number: string;
  readonly issued_at: Date;
  readonly currency: string;
  readonly net: number;
  readonly tax_basis_points: number;
  readonly tax: number;
  readonly total: number;
  readonly reverse_charge: boolean;
  readonly seller: Seller;
  readonly buyer: Buyer;
}

interface InvoiceRow extends DocumentRow {
  readonly period: string;
  readonly due_at: Date;
  readonly credited: number;
  readonly paid: number;
  readonly balance: number;
}

export function toDocument(row: DocumentRow): IssuedDocument {
  return {
    id: row.id,
    creatorId: row.creator_id,
    number: row.number,
    issuedAt: row.issued_at,
    currency: row.currency,
    net: row.net,
    taxBasisPoints: row.tax_basis_points,
    tax: row.tax,
    total: row.total,
    reverseCharge: row.reverse_charge,
    seller: row.seller,
    buyer: row.buyer,
  };
}

function invoiceRows(db: Transaction): Knex.QueryBuilder<object, InvoiceRow[]> {
  return db('invoices')
    .join('invoice_balances', 'invoice_balances.invoice_id', 'invoices.id')
    .select('invoices.*', 'credited', 'paid', 'balance');
}

function toSummary(row: InvoiceRow): InvoiceWithBalance {
  return {
    ...toDocument(row),
    period: row.period,
    dueAt: row.due_at,
    credited: row.credited,
    paid: row.paid,
    balance: row.balance,
  };
}
