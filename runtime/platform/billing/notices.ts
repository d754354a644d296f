import type { Transaction } from '../database/connection.ts';
import { noteRequest } from './collect.ts';
import type { NoticeEffect, PaymentDriver, PaymentNotice } from './drivers/driver.ts';
import { BillingError } from './errors.ts';
import { findPayment, recordPayment, recordRefund } from './payments.ts';

/** What a notice did. */
export interface ReceivedNotice {
  /** False where it was delivered before, or is about nothing of ours. */
  readonly changed: boolean;
  /** Whose invoice it is about; their standing may change. */
  readonly creatorId: string | undefined;
  readonly invoiceId: string | undefined;
}

/**
 * Books what a driver's service says happened, once for each event, however often and in whatever number it is delivered at
 * once. The notice was read, and so verified, by the driver. In the scope of the fleet, in a transaction of its own.
 *
 * @throws BillingError where it is about a payment that is not booked yet: it must be delivered again later
 */
export async function receiveNotice(
  db: Transaction,
  driver: PaymentDriver['name'],
  { eventId, type, effect }: PaymentNotice,
  now: Date,
): Promise<ReceivedNotice> {
  const subject = await subjectOf(db, driver, effect);
  const noted = await db('payment_notices')
    .insert({ driver, event_id: eventId, creator_id: subject?.creatorId ?? null, type, at: now })
    .onConflict(['driver', 'event_id'])
    .ignore()
    .returning('event_id');
  const { creatorId, id: invoiceId } = subject ?? {};
  if (noted.length === 0 || subject === undefined) return { changed: false, creatorId, invoiceId };
  return { changed: await apply(db, driver, effect, subject, now), creatorId, invoiceId };
}

interface Subject {
  /** Of the invoice. */
  readonly id: string;
  readonly creatorId: string;
}

async function apply(
  db: Transaction,
  driver: PaymentDriver['name'],
  effect: NoticeEffect,
  subject: Subject,
  now: Date,
): Promise<boolean> {
  switch (effect.kind) {
    case 'paid': {
      const { invoiceId, reference, amount, currency } = effect;
      return (await recordPayment(db, { invoiceId, driver, reference, amount, currency }, now)).changed;
    }
    case 'refunded': {
      const payment = await findPayment(db, driver, effect.payment);
      if (payment === undefined) return false;
      const { reference, amount, currency } = effect;
      return (await recordRefund(db, { paymentId: payment.id, driver, reference, amount, currency }, now)).changed;
    }
    case 'failed': {
      const { reference, message } = effect;
      await noteRequest(db, subject, driver, { outcome: 'failed', reference, message }, now);
      return true;
    }
    case 'none':
      return false;
  }
}

async function subjectOf(
  db: Transaction,
  driver: PaymentDriver['name'],
  effect: NoticeEffect,
): Promise<Subject | undefined> {
  if (effect.kind === 'none') return undefined;
  if (effect.kind === 'refunded') {
    const payment = await findPayment(db, driver, effect.payment);
    if (payment === undefined) {
      throw new BillingError(
        'not-found',
        `the payment ${effect.payment} is not booked yet`,
        'deliver the notice again',
      );
    }
    return { id: payment.invoiceId, creatorId: payment.creatorId };
  }
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(effect.invoiceId);
  const invoice = isId ? await db('invoices').where({ id: effect.invoiceId }).first('id', 'creator_id') : undefined;
  return invoice && { id: invoice.id, creatorId: invoice.creator_id };
}
