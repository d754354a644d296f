import type { PlatformDatabase, Transaction } from '../database/connection.ts';
import { type BillingAccount, findAccount, setDriver } from './accounts.ts';
import type { CollectOutcome, EarlierRequest, PaymentDriver, RefundOutcome } from './drivers/driver.ts';
import { BillingError } from './errors.ts';
import { getInvoice, type Invoice, type InvoiceWithBalance } from './invoices.ts';
import { getPayment, recordPayment, recordRefund, refundable } from './payments.ts';

/** The drivers of this process, by name. */
export type PaymentDrivers = Readonly<Partial<Record<BillingAccount['driver'], PaymentDriver>>>;

export interface CollectOptions {
  readonly invoiceId: string;
  /** The creator is there and can be sent to a page. */
  readonly interactive: boolean;
  /** Page that they come back to. */
  readonly returnUrl: string;
}

/** What asking for an invoice's money came to; `settled` where nothing is to be paid. */
export type Collected = CollectOutcome | { readonly outcome: 'settled' };

interface Prepared {
  readonly invoice: Invoice & InvoiceWithBalance;
  readonly account: BillingAccount;
  readonly email: string;
  readonly attempts: number;
  readonly earlier: EarlierRequest | undefined;
}

/**
 * Asks the account's driver for what is open of an invoice and books what comes of it. No transaction is open while the
 * driver's service is asked; killed in between, the next call finds out what became of it before it asks again.
 *
 * @throws BillingError where the process has no such driver
 */
export async function collectInvoice(
  platform: PlatformDatabase,
  drivers: PaymentDrivers,
  { invoiceId, interactive, returnUrl }: CollectOptions,
  now: Date,
): Promise<Collected> {
  const { invoice, account, email, attempts, earlier } = await platform.asFleet((db) => prepare(db, invoiceId));
  const { creatorId, number, balance, currency } = invoice;
  if (balance <= 0) return { outcome: 'settled' };
  const driver = requireDriver(drivers, account.driver);
  const payer = { creatorId, email, name: invoice.buyer.name, customer: account.driverCustomer };
  const customer = await driver.ensureCustomer(payer);
  if (customer !== account.driverCustomer) {
    await platform.asFleet((db) => setDriver(db, creatorId, driver.name, customer));
  }
  const key = `${invoiceId}-${attempts}-${balance}`;
  const request = { invoiceId, number, amount: balance, currency, customer, interactive, returnUrl, key, earlier };
  const book = (outcome: CollectOutcome) =>
    platform.asFleet((db) => bookOutcome(db, invoice, driver.name, outcome, now));
  const outcome = await driver.collect(request);
  if ((await book(outcome)) || earlier === undefined) return outcome;
  // The earlier request was paid and booked long ago, and something is open again, as after a refund.
  const afresh = await driver.collect({ ...request, earlier: undefined });
  await book(afresh);
  return afresh;
}

/**
 * Sends back a payment or a part of it, such as what a credit note left paid too much.
 *
 * @param refund.key the same for a call that is repeated
 * @throws BillingError where more is to go back than is left of the payment
 */
export async function refundPayment(
  platform: PlatformDatabase,
  drivers: PaymentDrivers,
  refund: { readonly paymentId: string; readonly amount: number; readonly key: string },
  now: Date,
): Promise<RefundOutcome> {
  const { paymentId, amount, key } = refund;
  const { payment, left } = await platform.asFleet(async (db) => {
    const found = await getPayment(db, paymentId);
    return { payment: found, left: await refundable(db, found) };
  });
  if (payment.refundOf !== null || amount > left) {
    throw new BillingError('not-allowed', 'more would go back than is left of the payment');
  }
  const { invoiceId, currency, reference } = payment;
  const driver = requireDriver(drivers, payment.driver);
  const outcome = await driver.refund({ invoiceId, payment: reference, amount, currency, key });
  if (outcome.outcome === 'done') {
    const booked = { paymentId, driver: driver.name, reference: outcome.reference, amount, currency };
    await platform.asFleet((db) => recordRefund(db, booked, now));
  }
  return outcome;
}

/** Notes that money was asked for and is not there yet. */
export async function noteRequest(
  db: Transaction,
  { id: invoiceId, creatorId }: Pick<Invoice, 'id' | 'creatorId'>,
  driver: string,
  outcome: Exclude<CollectOutcome, { outcome: 'paid' }>,
  now: Date,
): Promise<void> {
  const { reference } = outcome;
  const url = outcome.outcome === 'action-needed' ? outcome.url : null;
  const message = outcome.outcome === 'failed' ? outcome.message : null;
  await db('payment_requests')
    .insert({
      creator_id: creatorId,
      invoice_id: invoiceId,
      driver,
      reference,
      outcome: outcome.outcome,
      url,
      message,
      at: now,
    })
    .onConflict(['driver', 'reference', 'outcome'])
    .ignore();
}

/** @returns false where it is a payment that was booked before */
async function bookOutcome(
  db: Transaction,
  invoice: Invoice,
  driver: PaymentDriver['name'],
  outcome: CollectOutcome,
  now: Date,
): Promise<boolean> {
  if (outcome.outcome !== 'paid') {
    await noteRequest(db, invoice, driver, outcome, now);
    return true;
  }
  const { reference, amount, currency } = outcome;
  return (await recordPayment(db, { invoiceId: invoice.id, driver, reference, amount, currency }, now)).changed;
}

async function prepare(db: Transaction, invoiceId: string): Promise<Prepared> {
  const invoice = await getInvoice(db, invoiceId);
  const account = await findAccount(db, invoice.creatorId);
  if (account === undefined) throw new BillingError('not-found', 'the creator has no billing account');
  const { email } = await db('creators').where({ creator_id: invoice.creatorId }).first('email');
  const requests: EarlierRequest[] = await db('payment_requests')
    .where({ invoice_id: invoiceId, driver: account.driver })
    .orderBy('id', 'desc')
    .select('reference', 'outcome');
  // A failure came to nothing: what may still be paid is what was asked for before it.
  const earlier = requests.find(({ outcome }) => outcome !== 'failed');
  return { invoice, account, email, attempts: requests.length, earlier };
}

function requireDriver(drivers: PaymentDrivers, name: string): PaymentDriver {
  const driver = Object.values(drivers).find((candidate) => candidate.name === name);
  if (driver !== undefined) return driver;
  throw new BillingError('not-allowed', `payments by ${name} are not set up here`, `configure ${name}`);
}
