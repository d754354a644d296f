import { randomUUID } from 'node:crypto';
import type { BillingSettings } from '../../../runtime/platform/billing/settings.ts';
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
