import type { Knex } from 'knex';
import { plans } from '../../../sites/plans.ts';
import { syncPlanPrices } from '../billing/price-list.ts';
import { connect } from './connection.ts';
import * as tenancy from './migrations/001-tenancy.ts';
import * as billing from './migrations/002-billing.ts';
import * as analytics from './migrations/003-analytics.ts';
import * as jobs from './migrations/004-jobs.ts';
import * as deletions from './migrations/005-deletions.ts';
import * as siteState from './migrations/006-site-state.ts';
import type { DatabaseSettings } from './settings.ts';

interface Migration {
  readonly name: string;
  up(db: Knex): Promise<void>;
}

/** In the order they run. What is released is never changed: a new file mends it. */
const migrations: readonly Migration[] = [
  { name: '001-tenancy', up: tenancy.up },
  { name: '002-billing', up: billing.up },
  { name: '003-analytics', up: analytics.up },
  { name: '004-jobs', up: jobs.up },
  { name: '005-deletions', up: deletions.up },
  { name: '006-site-state', up: siteState.up },
];

const source: Knex.MigrationSource<Migration> = {
  getMigrations: async () => [...migrations],
  getMigrationName: ({ name }) => name,
  getMigration: async ({ up }) => ({ up, down: refuseDown }),
};

/** Key of the advisory lock, in the platform's database, that lets one migration run at a time. */
const migrationLock = 7_423_101;

/**
 * Brings the platform's tables and its price list up to date as their owner, past any pooler. Each migration is one transaction together with
 * its line in the ledger; two at once wait for each other; killed at any moment, the next run goes on.
 *
 * @returns names of the migrations that ran
 */
export async function migratePlatform(owner: DatabaseSettings): Promise<string[]> {
  const db = connect({ ...owner, poolMax: 3 });
  try {
    // The lock's own connection, which holds it until it ends, however it ends.
    return await db.transaction(async (holder) => {
      await holder.raw('select pg_advisory_xact_lock(?)', [migrationLock]);
      const config = { migrationSource: source, tableName: 'platform_migrations' };
      // knex's own lock is a row that a killed process leaves behind; ours is the one that counts.
      await db.migrate.forceFreeMigrationsLock(config);
      const [, names] = (await db.migrate.latest(config)) as [number, string[]];
      await syncPlanPrices(db, plans, new Date());
      return names;
    });
  } finally {
    await db.destroy();
  }
}

async function refuseDown(): Promise<never> {
  throw new Error('the platform’s migrations only go up: restore a backup instead');
}
