import { describe, expect, it } from 'vitest';
import { withClient } from '../../../runtime/database/administrator.ts';
import { grantCredit, setBillingDetails } from '../../../runtime/platform/billing/accounts.ts';
import { closeCreatorMonth, estimateInvoices, issueInvoices } from '../../../runtime/platform/billing/close-month.ts';
import { listInvoices } from '../../../runtime/platform/billing/invoices.ts';
import {
  cancelSubscription,
  changePlan,
  handOverSubscription,
  pauseSubscription,
  resumeSubscription,
  startSubscription,
} from '../../../runtime/platform/billing/subscriptions.ts';
import { recordUsage } from '../../../runtime/platform/billing/usage.ts';
import { verifyInvoices } from '../../../runtime/platform/billing/verify.ts';
import { platformDatabase } from '../../../runtime/platform/database/provision.ts';
import { addCreator, billingSettings } from '../../support/billing/creators.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase();
const actor = 'mira@example.com';

describe('the invoices of a month', () => {
  it('charge each price for its seconds, and the parts of a whole month add up to the price', async () => {
    const { creatorId, sites } = await addCreator(platform, 1);
    const site = sites[0] ?? '';
    const start = new Date('2026-03-01T00:00:00Z');
    await platform.database.asFleet(async (db) => {
      await startSubscription(db, { creatorId, site, plan: 'studio', trial: false, actor }, start);
      await changePlan(db, { site, plan: 'publisher', actor }, new Date('2026-03-11T07:00:01Z'));
      await changePlan(db, { site, plan: 'studio', actor }, new Date('2026-03-11T07:00:01Z'));
      await pauseSubscription(db, { site, actor }, new Date('2026-03-21T00:00:00Z'));
    });
    const month = await platform.database.asFleet((db) =>
      closeCreatorMonth(db, creatorId, '2026-03', billingSettings, new Date('2026-04-02T00:00:00Z')),
    );
    console.log(JSON.stringify(month, null, 1));
    expect(month.invoices).toHaveLength(1);
    expect(await platform.database.asFleet((db) => verifyInvoices(db))).toEqual({ checked: 1, differences: [] });
    const list = await platform.database.asCreator(creatorId, (db) => listInvoices(db));
    expect(list[0]?.balance).toBe(month.invoices[0]?.total);
  });
});
