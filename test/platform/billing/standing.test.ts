import { describe, expect, it } from 'vitest';
import { recordPayment } from '../../../runtime/platform/billing/payments.ts';
import { addDays } from '../../../runtime/platform/billing/period.ts';
import { settleStanding, settleStandings, suspensionsDue } from '../../../runtime/platform/billing/standing.ts';
import {
  cancelSubscription,
  findSubscription,
  pauseSubscription,
  resumeSubscription,
  startSubscription,
} from '../../../runtime/platform/billing/subscriptions.ts';
import type { Transaction } from '../../../runtime/platform/database/connection.ts';
import { addCreator, billingSettings, closeMonth } from '../../support/billing/creators.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase();
const actor = 'mira@example.com';
const issued = new Date('2026-04-02T12:00:00Z');
const due = addDays(issued, billingSettings.paymentDays);

describe('an unpaid invoice', () => {
  it('brings the site from past due over grace to suspension, and its payment back at once', async () => {
    const { creatorId, site, invoiceId } = await debtor();
    const steps: unknown[] = [];
    for (let day = -1; day <= 40; day += 1) {
      // The worker comes by more than once a day.
      for (const hour of [0, 1]) {
        const now = addDays(due, day + hour / 24);
        const { changes, failures } = await settleStandings(platform.database, billingSettings, now);
        expect(failures).toEqual([]);
        for (const change of changes.filter((one) => one.site === site)) {
          steps.push([day, change.after.standing, change.wanted]);
        }
      }
    }
    expect(steps).toEqual([
      [0, 'past-due', 'active'],
      [7, 'grace', 'active'],
      [21, 'suspended', 'suspended'],
    ]);
    await pay(invoiceId, 2_900, addDays(due, 41));
    const now = addDays(due, 41);
    expect(await platform.database.asFleet((db) => suspensionsDue(db, billingSettings, now))).toEqual([
      { creatorId, site, from: 'suspended', to: 'good', wanted: 'active' },
    ]);
    const back = await platform.database.asFleet((db) => settleStanding(db, creatorId, billingSettings, now));
    expect(back.map(({ after, wanted }) => [after.standing, wanted])).toEqual([['good', 'active']]);
    expect(await platform.database.asFleet((db) => settleStanding(db, creatorId, billingSettings, now))).toEqual([]);
  });

  it('that is paid in part is unpaid, and a paid one changes nothing', async () => {
    const { creatorId, invoiceId } = await debtor();
    const settle = (days: number) =>
      platform.database.asFleet((db) => settleStanding(db, creatorId, billingSettings, addDays(due, days)));
    await pay(invoiceId, 2_899, due);
    expect((await settle(1)).map(({ after }) => after.standing)).toEqual(['past-due']);
    await pay(invoiceId, 1, due);
    expect((await settle(2)).map(({ after }) => after.standing)).toEqual(['good']);
    expect(await settle(30)).toEqual([]);
  });

  it('costs the site nothing while it is suspended', async () => {
    const { creatorId, site } = await debtor();
    const settle = (now: Date) =>
      platform.database.asFleet((db) => settleStanding(db, creatorId, billingSettings, now));
    for (const days of [1, 8, 22]) await settle(addDays(due, days));
    const [april, may] = await closeMonth(platform, creatorId, '2026-05', new Date('2026-06-02T00:00:00Z'));
    expect(april?.net).toBe(2_900);
    // Suspended on the 8th of May at noon.
    expect(may?.net).toBe(Math.round((2_900 * 7.5) / 31));
    const subscription = await platform.database.asFleet((db) => findSubscription(db, site));
    expect(subscription).toMatchObject({ standing: 'suspended', lifecycle: 'running' });
  });

  it('keeps its creator from resuming and from starting another site, but not from leaving', async () => {
    const { creatorId, site, secondSite } = await debtor();
    const as = <T>(work: (db: Transaction) => Promise<T>) => platform.database.asCreator(creatorId, work);
    await as((db) => pauseSubscription(db, { site, actor }, due));
    for (const days of [1, 8, 22]) {
      await platform.database.asFleet((db) => settleStanding(db, creatorId, billingSettings, addDays(due, days)));
    }
    const now = addDays(due, 23);
    await expect(as((db) => resumeSubscription(db, { site, actor }, now))).rejects.toThrow('unpaid');
    const another = { creatorId, site: secondSite, plan: 'starter', actor };
    await expect(as((db) => startSubscription(db, another, now))).rejects.toThrow('overdue');
    const left = await as((db) => cancelSubscription(db, { site, actor }, now));
    expect([left.after.lifecycle, left.wanted]).toEqual(['cancelled', 'paused']);
    expect(await platform.database.asFleet((db) => settleStanding(db, creatorId, billingSettings, now))).toEqual([]);
  });
});

/** A creator with two sites and an invoice over 29.00 EUR for the first, which nobody pays. */
async function debtor() {
  const { creatorId, sites } = await addCreator(platform, 2);
  const [site = '', secondSite = ''] = sites;
  const start = { creatorId, site, plan: 'studio', trial: false, actor };
  await platform.database.asCreator(creatorId, (db) => startSubscription(db, start, new Date('2026-03-01T00:00:00Z')));
  const [invoice] = await closeMonth(platform, creatorId, '2026-03', issued);
  return { creatorId, site, secondSite, invoiceId: invoice?.id ?? '' };
}

function pay(invoiceId: string, amount: number, now: Date) {
  const payment = { invoiceId, driver: 'manual', reference: `${invoiceId} ${amount}`, amount, currency: 'EUR' };
  return platform.database.asFleet((db) => recordPayment(db, payment, now));
}
