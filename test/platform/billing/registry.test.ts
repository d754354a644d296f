import { describe, expect, it } from 'vitest';
import { followRegistry } from '../../../runtime/platform/billing/follow-registry.ts';
import { dailyPart, recordMeteredDays } from '../../../runtime/platform/billing/metered.ts';
import { addDays } from '../../../runtime/platform/billing/period.ts';
import { settleStanding } from '../../../runtime/platform/billing/standing.ts';
import { findSubscription, pauseSubscription } from '../../../runtime/platform/billing/subscriptions.ts';
import { addCreator, addSubscriber, billingSettings, closeMonth } from '../../support/billing/creators.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase();
const issued = new Date('2026-04-02T12:00:00Z');
const due = addDays(issued, billingSettings.paymentDays);

describe('subscriptions', () => {
  it('become what the registry says of a site: its plan, its owner, its state, its leaving', async () => {
    const { creatorId, sites } = await addCreator(platform, 1);
    const site = sites[0] ?? '';
    const jon = await addCreator(platform, 0);
    let hours = 0;
    const follow = async (change: object) => {
      hours += 1;
      await platform.database.asFleet((db) => db('sites').where({ slug: site }).update(change));
      const now = new Date(Date.UTC(2026, 2, 1, hours));
      const { changes, refused } = await platform.database.asFleet((db) => followRegistry(db, now));
      const again = await platform.database.asFleet((db) => followRegistry(db, now));
      expect([refused, again.changes]).toEqual([[], []]);
      return changes.map(({ after, creatorId: owner }) => [owner, after.plan, after.lifecycle]);
    };
    expect(await follow({ plan: 'studio' })).toEqual([[creatorId, 'studio', 'running']]);
    expect(await follow({ plan: 'publisher' })).toEqual([[creatorId, 'publisher', 'running']]);
    expect(await follow({ state: 'paused' })).toEqual([[creatorId, 'publisher', 'paused']]);
    expect(await follow({ creator_id: jon.creatorId })).toEqual([[jon.creatorId, 'publisher', 'paused']]);
    expect(await follow({ state: 'active' })).toEqual([[jon.creatorId, 'publisher', 'running']]);
    expect(await follow({ removed_at: issued })).toEqual([[jon.creatorId, 'publisher', 'cancelled']]);
    expect(await follow({ removed_at: null })).toEqual([[jon.creatorId, 'publisher', 'running']]);
  });

  it('of a debtor are refused what they may not become, and no other site waits for that', async () => {
    const debtor = await addSubscriber(platform, '2026-03-01');
    await closeMonth(platform, debtor.creatorId, '2026-03', issued);
    await platform.database.asFleet((db) =>
      pauseSubscription(db, { site: debtor.site, actor: 'mira@example.com' }, issued),
    );
    for (const days of [1, 8, 22]) {
      await platform.database.asFleet((db) =>
        settleStanding(db, debtor.creatorId, billingSettings, addDays(due, days)),
      );
    }
    const other = await addCreator(platform, 1);
    const site = other.sites[0] ?? '';
    const { changes, refused } = await platform.database.asFleet((db) => followRegistry(db, addDays(due, 23)));
    expect(refused).toEqual([`${debtor.site}: the account is suspended for unpaid invoices`]);
    expect(changes.map((change) => change.site)).toContain(site);
    expect(await platform.database.asFleet((db) => findSubscription(db, site))).toMatchObject({ type: 'started' });
  });
});

describe('measured days', () => {
  it('are recorded once they were read after their end, with each day’s part of the revenue', async () => {
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    const numbers = { members_free: 0, members_paid: 0, members_comped: 0, members_gifted: 0, members_new: 0 };
    const others = {
      paid_new: 0,
      paid_churned: 0,
      posts_published: 0,
      emails_opened: 0,
      emails_clicked: 0,
      comments: 0,
    };
    const own = { creator_id: creatorId, site_slug: site };
    const day = (date: string, members: number) => ({
      ...own,
      ...numbers,
      ...others,
      day: date,
      members_total: members,
      emails_sent: 5,
      storage_bytes: 7,
    });
    await platform.database.asFleet(async (db) => {
      await db('daily_metrics').insert([day('2026-03-04', 10), day('2026-03-05', 11), day('2026-03-06', 12)]);
      await db('daily_revenue').insert({ ...own, day: '2026-03-05', currency: 'eur', mrr: 3_100 });
      const attempt = { last_attempt_at: issued, next_due_at: issued };
      await db('site_refreshes').insert({ ...own, ...attempt, last_day: '2026-03-06', staff: 3 });
    });
    const record = () => platform.database.asFleet((db) => recordMeteredDays(db, new Date('2026-03-08T01:00:00Z'), 3));
    const { added } = await record();
    const recorded = added
      .filter((one) => one.site === site)
      .map(({ day: date, metric, quantity }) => [date, metric, quantity]);
    expect(recorded.sort()).toEqual([
      ['2026-03-05', 'emails', 5],
      ['2026-03-05', 'members', 11],
      ['2026-03-05', 'revenue', 100],
      ['2026-03-05', 'staff', 3],
      ['2026-03-05', 'storage', 7],
    ]);
    expect((await record()).added).toEqual([]);
  });

  it('have parts of a month’s revenue that add up to it, in whole units of its currency', () => {
    const days = Array.from({ length: 31 }, (_, index) => `2026-03-${String(index + 1).padStart(2, '0')}`);
    const sum = (monthly: number, currency: string) =>
      days.reduce((total, date) => total + dailyPart(monthly, currency, date), 0);
    expect([sum(100_003, 'EUR'), sum(17, 'USD'), sum(100_000, 'ISK')]).toEqual([100_003, 17, 1_000]);
  });
});
