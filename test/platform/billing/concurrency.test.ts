import { describe, expect, it } from 'vitest';
import { closeCreatorMonth, issueInvoices } from '../../../runtime/platform/billing/close-month.ts';
import { issueCreditNote } from '../../../runtime/platform/billing/credit-notes.ts';
import { listInvoices } from '../../../runtime/platform/billing/invoices.ts';
import { findNumberGaps } from '../../../runtime/platform/billing/numbering.ts';
import { handOverSubscription, pauseSubscription } from '../../../runtime/platform/billing/subscriptions.ts';
import { recordUsage } from '../../../runtime/platform/billing/usage.ts';
import { verifyInvoices } from '../../../runtime/platform/billing/verify.ts';
import { addCreator, addSubscriber, billingSettings } from '../../support/billing/creators.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase({ pooler: true });
const now = new Date('2026-04-02T12:00:00Z');
const actor = 'a test';

describe('many at once', () => {
  it('leave no gap in the numbers, though some of them fail at the last moment', async () => {
    const creators = await Promise.all(Array.from({ length: 16 }, () => addSubscriber(platform, '2026-03-01')));
    const close = (creatorId: string) =>
      platform.database.asFleet((db) => closeCreatorMonth(db, creatorId, '2026-03', billingSettings, now));
    const failAfterwards = (creatorId: string) =>
      platform.database.asFleet(async (db) => {
        await closeCreatorMonth(db, creatorId, '2026-03', billingSettings, now);
        throw new Error('the worker is killed');
      });
    const results = await Promise.allSettled([
      ...creators.map(({ creatorId }, index) => (index % 3 === 0 ? failAfterwards(creatorId) : close(creatorId))),
      issueInvoices(platform.database, '2026-03', billingSettings, now),
      issueInvoices(platform.database, '2026-03', billingSettings, now),
      ...creators.map(({ creatorId }) => close(creatorId)),
    ]);
    // The same creator is failed and issued in any order: who comes second to one that was issued has nothing to do.
    const failures = results
      .filter(({ status }) => status === 'rejected')
      .map((one) => String((one as { reason: unknown }).reason));
    expect(new Set(failures)).toEqual(new Set(['Error: the worker is killed']));
    const invoices = await platform.database.asFleet((db) => listInvoices(db));
    expect(new Set(invoices.map(({ creatorId }) => creatorId)).size).toBe(16);
    expect(invoices.map(({ number }) => number).sort()).toEqual(
      Array.from({ length: 16 }, (_, index) => `T-2026-${String(index + 1).padStart(6, '0')}`),
    );
    expect(await platform.database.asFleet((db) => findNumberGaps(db))).toEqual([]);
  });

  it('take each amount back once', async () => {
    const { creatorId } = await addSubscriber(platform, '2026-03-01');
    const { invoices } = await platform.database.asFleet((db) =>
      closeCreatorMonth(db, creatorId, '2026-03', billingSettings, now),
    );
    const request = { invoiceId: invoices[0]?.id ?? '', reason: 'an outage', actor };
    const credit = (key: string) =>
      platform.database.asFleet((db) => issueCreditNote(db, { ...request, key }, billingSettings, now));
    const results = await Promise.allSettled(['1', '2', '3', '1', '2', '3'].map(credit));
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
    const notes = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(notes.filter(({ changed }) => changed)).toHaveLength(1);
    expect(new Set(notes.map(({ note }) => note.number)).size).toBe(1);
    expect(await platform.database.asFleet((db) => findNumberGaps(db))).toEqual([]);
  });

  it('lose no usage that is recorded while its month is closed, and charge none twice', async () => {
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    const days = Array.from({ length: 31 }, (_, index) => `2026-03-${String(index + 1).padStart(2, '0')}`);
    const record = (day: string) =>
      platform.database.asFleet((db) =>
        recordUsage(
          db,
          [
            { site, metric: 'emails', day, quantity: 4_000, source: 'analytics' },
            { site, metric: 'revenue', day, quantity: 10_000, currency: 'USD', source: 'analytics' },
          ],
          now,
        ),
      );
    const close = (period: string, at: Date) =>
      platform.database.asFleet((db) => closeCreatorMonth(db, creatorId, period, billingSettings, at));
    const [, march] = await Promise.all([
      Promise.all(days.flatMap((day) => [record(day), record(day)])),
      close('2026-03', now),
    ]);
    const april = await close('2026-04', new Date('2026-05-02T12:00:00Z'));
    const sum = (currency: string) =>
      [...march.invoices, ...april.invoices]
        .filter((invoice) => invoice.currency === currency)
        .reduce((total, { net }) => total + net, 0);
    // 124,000 e-mails of which 60,000 are included, and 2.5 % of 3,100 dollars.
    expect([sum('EUR'), sum('USD')]).toEqual([2 * 2_900 + 64 * 80, 7_750]);
    const verified = await platform.database.asFleet((db) => verifyInvoices(db, creatorId));
    expect(verified.differences).toEqual([]);
  });

  it('do each thing to a subscription once', async () => {
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    const { creatorId: jon } = await addCreator(platform, 0);
    const pauses = await Promise.all(
      Array.from({ length: 6 }, () =>
        platform.database.asCreator(creatorId, (db) => pauseSubscription(db, { site, actor }, now)),
      ),
    );
    expect(pauses.filter(({ changed }) => changed)).toHaveLength(1);
    const over = await Promise.all(
      Array.from({ length: 4 }, () =>
        platform.database.asFleet((db) => handOverSubscription(db, { site, to: jon, actor }, now)),
      ),
    );
    expect(over.filter(({ changed }) => changed)).toHaveLength(1);
    const types: string[] = await platform.database.asFleet((db) =>
      db('subscription_events').where({ site }).orderBy('id').pluck('type'),
    );
    expect(types).toEqual(['started', 'paused', 'handed-over', 'taken-over']);
  });
});
