import { describe, expect, it } from 'vitest';
import { currentPrice, latestPrices, syncPlanPrices } from '../../../runtime/platform/billing/price-list.ts';
import { changePlan, findSubscription } from '../../../runtime/platform/billing/subscriptions.ts';
import { connect } from '../../../runtime/platform/database/connection.ts';
import { migratePlatform } from '../../../runtime/platform/database/migrator.ts';
import { plans } from '../../../sites/plans.ts';
import { addSubscriber, closeMonth } from '../../support/billing/creators.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase();

describe('the price list', () => {
  it('is that of the plans after a migration, for every creator to read and for nobody to write', async () => {
    const { creatorId } = await addSubscriber(platform, '2026-03-01');
    const prices = await platform.database.asCreator(creatorId, (db) => latestPrices(db));
    expect(prices.map(({ plan, currency, version, monthly }) => [plan, currency, version, monthly])).toEqual([
      ['publisher', 'EUR', 1, 14_900],
      ['publisher', 'USD', 1, 16_500],
      ['starter', 'EUR', 1, 900],
      ['starter', 'USD', 1, 1_000],
      ['studio', 'EUR', 1, 2_900],
      ['studio', 'USD', 1, 3_200],
    ]);
    const write = platform.database.asFleet((db) => syncPlanPrices(db, dearer, new Date()));
    await expect(write).rejects.toThrow('permission denied');
  });

  it('gets a version for what changed and none for what did not', async () => {
    expect(await sync(plans)).toEqual([]);
    const added = await sync(dearer);
    expect(added.map(({ plan, currency, version }) => [plan, currency, version])).toEqual([['studio', 'EUR', 2]]);
    expect(await sync(dearer)).toEqual([]);
    // The plans of this checkout are the cheaper ones again.
    await migratePlatform(platform.owner);
    expect(await platform.database.asFleet((db) => currentPrice(db, 'studio', 'EUR'))).toMatchObject({
      version: 3,
      monthly: 2_900,
    });
  });

  it('leaves a subscription at the price it was sold at, until its plan is chosen again', async () => {
    await sync(plans);
    const { creatorId, site } = await addSubscriber(platform, '2026-03-01');
    await sync(dearer);
    const before = await platform.database.asFleet((db) => findSubscription(db, site));
    const [march] = await closeMonth(platform, creatorId, '2026-03', new Date('2026-04-02T00:00:00Z'));
    expect(march?.net).toBe(2_900);
    const chosen = { site, plan: 'studio', actor: 'mira@example.com' };
    const change = await platform.database.asCreator(creatorId, (db) =>
      changePlan(db, chosen, new Date('2026-04-16T00:00:00Z')),
    );
    expect(change).toMatchObject({ changed: true, after: { priceVersion: (before?.priceVersion ?? 0) + 1 } });
    const [april] = await closeMonth(platform, creatorId, '2026-04', new Date('2026-05-02T00:00:00Z'));
    expect(april?.lines.map(({ amount, priceVersion }) => [amount, priceVersion])).toEqual([
      [1_450, before?.priceVersion],
      [2_000, (before?.priceVersion ?? 0) + 1],
    ]);
  });
});

const dearer = { ...plans, studio: { ...plans.studio, monthlyPrice: { amount: 4_000, currency: 'EUR' } } } as const;

async function sync(list: Parameters<typeof syncPlanPrices>[1]) {
  const owner = connect(platform.owner);
  try {
    return await syncPlanPrices(owner, list, new Date('2026-03-01T00:00:00Z'));
  } finally {
    await owner.destroy();
  }
}
