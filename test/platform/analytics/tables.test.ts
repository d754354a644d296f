import { beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../../../runtime/database/administrator.ts';
import { platformDatabase } from '../../../runtime/platform/database/provision.ts';
import { fillFleet } from '../../../scripts/dataset/fleet.ts';
import { registerSite } from '../../support/analytics-fleet.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase({ pooler: true });

beforeAll(() =>
  withClient(platform.server, platformDatabase, (client) =>
    fillFleet(client, { sites: 20, creators: 4, days: 30, through: '2026-03-10' }),
  ),
);

/** As the application role itself, past the pooler. */
function asApp<Row extends object>(text: string): Promise<{ rows: Row[] }> {
  const { user, password } = platform.settings;
  return withClient({ ...platform.server, user, password }, platformDatabase, (client) => client.query<Row>(text));
}

const countOf = (creatorId: string, table: string, slug: string): Promise<number> =>
  platform.database.asCreator(creatorId, async (db) => (await db(table).where({ site_slug: slug })).length);

describe('the tables of daily numbers', () => {
  it.each(['daily_metrics', 'daily_revenue'])(
    'are parts by creator, none of which is reached past %s',
    async (table) => {
      const { rows } = await asApp<{ part: string }>(
        `select relname as part from pg_inherits join pg_class on pg_class.oid = inhrelid where inhparent = '${table}'::regclass`,
      );
      expect(rows).toHaveLength(16);
      for (const { part } of rows) {
        for (const statement of [`select from ${part}`, `update ${part} set day = day`, `delete from ${part}`])
          await expect(asApp(statement), statement).rejects.toThrow(/permission denied/);
      }
    },
  );

  it('show a creator its own sites alone, through a pooler, and nobody anything outside of a scope', async () => {
    const creators = await platform.database.asFleet((db) => db('creators').pluck('creator_id'));
    for (const table of ['daily_metrics', 'daily_revenue', 'site_refreshes']) {
      const seen = await Promise.all(
        creators.map((id: string) =>
          platform.database.asCreator(id, (db) => db(table).distinct('creator_id').pluck('creator_id')),
        ),
      );
      expect(seen).toEqual(creators.map((id: string) => [id]));
      expect((await asApp(`select from ${table}`)).rows).toEqual([]);
    }
  });

  it('follow a site that is handed over', async () => {
    const slug = 'site-00001';
    const [before] = await platform.database.asFleet((db) => db('sites').where({ slug }).pluck('creator_id'));
    const after = await registerSite(platform.database, { slug, creator: 'heir@example.com' });
    expect(after).not.toBe(before);
    for (const [table, rows] of Object.entries({ daily_metrics: 30, daily_revenue: 30, site_refreshes: 1 })) {
      expect([table, await countOf(before, table, slug)]).toEqual([table, 0]);
      expect([table, await countOf(after, table, slug)]).toEqual([table, rows]);
    }
  });

  it('hold nothing of a site that is not there, or under another creator', async () => {
    const creatorId = await registerSite(platform.database, { slug: 'site-00002', creator: 'heir@example.com' });
    const put = (slug: string) =>
      platform.database.asCreator(creatorId, (db) =>
        db('daily_revenue').insert({
          creator_id: creatorId,
          site_slug: slug,
          day: '2026-04-01',
          currency: 'usd',
          mrr: 1,
        }),
      );
    await put('site-00002');
    await expect(put('site-00003')).rejects.toThrow(/foreign key/);
    await expect(put('never-was')).rejects.toThrow(/foreign key/);
  });

  it('hold no amount that would spoil the sum of all sites', async () => {
    const set = (values: object) =>
      platform.database.asFleet((db) => db('daily_revenue').where({ site_slug: 'site-00004' }).update(values));
    await expect(set({ mrr: 2e11 })).rejects.toThrow(/check constraint/);
    await expect(set({ mrr: -1 })).rejects.toThrow(/check constraint/);
  });
});
