import { randomUUID } from 'node:crypto';
import { closeCreatorMonth } from '../../../runtime/platform/billing/close-month.ts';
import type { Invoice } from '../../../runtime/platform/billing/invoices.ts';
import type { BillingSettings } from '../../../runtime/platform/billing/settings.ts';
import { startSubscription } from '../../../runtime/platform/billing/subscriptions.ts';
import type { TestPlatform } from '../platform-database.ts';

/** Settings of the tests' business. */
export const billingSettings: BillingSettings = {
  seller: { name: 'Fleet of the Tests GmbH', address: ['Hafenstraße 1', '20459 Hamburg'], taxId: 'DE123456789' },
  numberPrefix: 'T-',
  paymentDays: 14,
  pastDueDays: 7,
  graceDays: 14,
  stripe: undefined,
};

/** A creator of their own with registered sites, so that the tests of a file do not meet. */
export interface TestCreator {
  readonly creatorId: string;
  readonly email: string;
  readonly sites: readonly string[];
}

/** Registers a new creator with that many sites. */
export async function addCreator(platform: TestPlatform, sites: number): Promise<TestCreator> {
  const key = randomUUID().slice(0, 8);
  const email = `creator-${key}@example.com`;
  const slugs = Array.from({ length: sites }, (_, index) => `site-${key}-${index + 1}`);
  return platform.database.asFleet(async (db) => {
    const [row] = await db('creators').insert({ email }).returning('creator_id');
    for (const slug of slugs) {
      const entry = {
        slug,
        creator: email,
        title: slug,
        url: `https://${slug}.example.com`,
        domains: [],
        plan: 'studio',
        state: 'active',
        strategy: 'database',
        stack: 'test',
      };
      await db.raw('select registry.put_site(?::jsonb)', [JSON.stringify(entry)]);
    }
    return { creatorId: row.creator_id, email, sites: slugs };
  });
}

/** A creator with a site on the plan `studio` since a day, without a trial. */
export async function addSubscriber(
  platform: TestPlatform,
  day: string,
): Promise<{ readonly creatorId: string; readonly site: string }> {
  const { creatorId, sites } = await addCreator(platform, 1);
  const site = sites[0] ?? '';
  const start = { creatorId, site, plan: 'studio', trial: false, actor: 'mira@example.com' };
  await platform.database.asCreator(creatorId, (db) => startSubscription(db, start, new Date(`${day}T00:00:00Z`)));
  return { creatorId, site };
}

/** Closes a creator's month at a time. @returns its invoices */
export async function closeMonth(
  platform: TestPlatform,
  creatorId: string,
  period: string,
  now: Date,
): Promise<readonly Invoice[]> {
  const { invoices } = await platform.database.asFleet((db) =>
    closeCreatorMonth(db, creatorId, period, billingSettings, now),
  );
  return invoices;
}
