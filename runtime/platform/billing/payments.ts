import { randomUUID } from 'node:crypto';
import type { Transaction } from '../database/connection.ts';
import { lockAccount } from './accounts.ts';
import { BillingError } from './errors.ts';
import { requireCurrency } from './money.ts';

/** Money that came in for an invoice. */
export interface PaymentInput {
  readonly invoiceId: string;
  /** Who took it: `manual` or `stripe`. */
  readonly driver: string;
  /** The driver's id of it, or the bank's: what makes a repeated call the same payment. */
  readonly reference: string;
  readonly amount: number;
  readonly currency: string;
}

/** Money that went back to the creator. */
export interface RefundInput extends Omit<PaymentInput, 'invoiceId'> {
  /** Id of the payment that it was part of. */
  readonly paymentId: string;
}

export interface Payment extends PaymentInput {
  readonly id: string;
  readonly creatorId: string;
  /** The payment that went back; null for one that came in. */
  readonly refundOf: string | null;
  readonly at: Date;
}

interface PaymentRow {
  readonly id: string;
  readonly creator_id: string;
  readonly invoice_id: string;
  readonly driver: string;
  readonly reference: string;
  readonly amount: number;
  readonly currency: string;
  readonly refund_of: string | null;
  readonly at: Date;
}

/** What booking did. */
export interface BookedPayment {
  /** False where it was booked before. */
  readonly changed: boolean;
  readonly creatorId: string;
  readonly invoiceId: string;
  /** What is still to be paid of the invoice; negative where too much was. */
  readonly balance: number;
}

/**
 * Books a payment, once for each driver and reference. More than is due stays with the invoice, to be refunded.
 *
 * @throws BillingError where there is no such invoice or the currency is another
 */
export async function recordPayment(db: Transaction, payment: PaymentInput, now: Date): Promise<BookedPayment> {
  requireAmount(payment.amount);
  return book(db, payment.invoiceId, { ...payment, refundOf: null }, now);
}

/**
 * Books what went back of a payment, once for each driver and reference.
 *
 * @throws BillingError where it is more than is left of the payment
 */
export async function recordRefund(db: Transaction, refund: RefundInput, now: Date): Promise<BookedPayment> {
  requireAmount(refund.amount);
  const payment = await getPayment(db, refund.paymentId);
  await lockAccount(db, payment.creatorId);
  const { driver, reference } = refund;
  const known = await db('payments').where({ driver, reference }).first('id');
  if (known === undefined && refund.amount > (await refundable(db, payment))) {
    throw new BillingError('not-allowed', 'more would go back than is left of the payment');
  }
  return book(db, payment.invoiceId, { ...refund, amount: -refund.amount, refundOf: payment.id }, now);
}

/** What of a payment has not gone back. */
export async function refundable(db: Transaction, payment: Pick<Payment, 'id' | 'amount'>): Promise<number> {
  const [row] = await db('payments').where({ refund_of: payment.id }).sum({ back: 'amount' });
  return payment.amount + Number(row?.back ?? 0);
}

/** @throws BillingError where the scope shows no such payment */
export async function getPayment(db: Transaction, id: string): Promise<Payment> {
  const row = await db<PaymentRow>('payments').where({ id }).first();
  if (row === undefined) throw new BillingError('not-found', 'there is no such payment');
  return toPayment(row);
}

/** The payment that a driver knows by that reference. */
export async function findPayment(db: Transaction, driver: string, reference: string): Promise<Payment | undefined> {
  const row = await db<PaymentRow>('payments').where({ driver, reference }).first();
  return row && toPayment(row);
}

/** What came in for an invoice and went back, in its order. */
export async function listPayments(db: Transaction, invoiceId: string): Promise<Payment[]> {
  const rows = await db<PaymentRow>('payments').where({ invoice_id: invoiceId }).orderBy(['at', 'id']);
  return rows.map(toPayment);
}

async function book(
  db: Transaction,
  invoiceId: string,
  payment: Omit<PaymentInput, 'invoiceId'> & { readonly refundOf: string | null },
  now: Date,
): Promise<BookedPayment> {
  const { driver, reference, amount, refundOf } = payment;
  const currency = requireCurrency(payment.currency);
  const invoice = await db('invoices').where({ id: invoiceId }).first('creator_id', 'currency', 'number');
  if (invoice === undefined) throw new BillingError('not-found', 'there is no such invoice');
  if (invoice.currency !== currency) {
    throw new BillingError('invalid', `${invoice.number} is to be paid in ${invoice.currency}; got ${currency}`);
  }
  const creatorId: string = invoice.creator_id;
  // So that what follows from the balance is decided either before the payment or after it.
  await lockAccount(db, creatorId);
  const added = await db('payments')
    .insert({
      id: randomUUID(),
      creator_id: creatorId,
      invoice_id: invoiceId,
      driver,
      reference,
      currency,
      amount,
      refund_of: refundOf,
      at: now,
    })
    .onConflict(['driver', 'reference'])
    .ignore()
    .returning('id');
  const row = await db('invoice_balances').where({ invoice_id: invoiceId }).first('balance');
  return { changed: added.length > 0, creatorId, invoiceId, balance: row.balance };
}

function requireAmount(amount: number): void {
  if (Number.isSafeInteger(amount) && amount > 0) return;
  throw new BillingError('invalid', `expected an amount above nothing, in whole minor units; got ${amount}`);
}

function toPayment(row: PaymentRow): Payment {
  return {
    id: row.id,
    creatorId: row.creator_id,
    invoiceId: row.invoice_id,
    driver: row.driver,
    reference: row.reference,
    amount: row.amount,
    currency: row.currency,
    refundOf: row.refund_of,
    at: row.at,
  };
}
