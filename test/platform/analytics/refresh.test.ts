import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseReader } from '../../../runtime/database/analytics/reader.ts';
import { SiteDatabases } from '../../../runtime/database/connection.ts';
import { refreshAll, refreshDue } from '../../../runtime/platform/analytics/due.ts';
import { lastDays } from '../../../runtime/platform/analytics/range.ts';
import { refreshSite } from '../../../runtime/platform/analytics/refresh.ts';
import { getSiteData } from '../../../runtime/platform/analytics/site.ts';
import type { SiteUsage } from '../../../runtime/platform/analytics/usage.ts';
import { freePort } from '../../../scripts/services/postgres.ts';
import {
  analyticsKey,
  connectSite,
  createSiteWithHistory,
  readerOf,
  registerSite,
} from '../../support/analytics-fleet.ts';
import { usePlatformDatabase } from '../../support/platform-database.ts';

const platform = usePlatformDatabase();
const noon = new Date('2026-03-10T12:00:00Z');
const hoursLater = (hours: number) => new Date(noon.getTime() + hours * 3_600_000);
const databases = new Map<string, string>();

beforeAll(async () => {
  for (const slug of ['aurora-letters', 'harbour-notes', 'slow-kitchen', 'quiet-river'])
    databases.set(
      slug,
      await createSiteWithHistory(platform.server, { slug, through: '2026-03-09', days: 40, members: 60 }),
    );
}, 300_000);

const rowsOf = (table: string, slug: string) =>
  platform.database.asFleet((db) => db(table).where({ site_slug: slug }).orderByRaw('1, 2, 3, 4'));
const dayOf = (slug: string, day: string) =>
  platform.database.asFleet((db) => db('daily_metrics').where({ site_slug: slug, day }).first());
const stateOf = (slug: string) =>
  platform.database.asFleet((db) => db('site_refreshes').where({ site_slug: slug }).first());

async function changeSite(
  slug: string,
  change: (knex: ReturnType<typeof connectSite>) => Promise<unknown>,
): Promise<void> {
  const knex = connectSite(platform.server, databases.get(slug) ?? '');
  try {
    await change(knex);
  } finally {
    await knex.destroy();
  }
}

describe('a first visit', () => {
  it('writes the history from the first day on, as the reader finds it', async () => {
    await registerSite(platform.database, { slug: 'aurora-letters', creator: 'mira@example.com' });
    const reader = readerOf(platform.server);
    const outcome = await refreshSite(platform.database, 'aurora-letters', noon, { reader });
    const rows = await rowsOf('daily_metrics', 'aurora-letters');
    expect(outcome).toEqual({ slug: 'aurora-letters', result: 'refreshed', days: rows.length });
    expect(rows.length).toBeGreaterThan(35);
    expect(rows.length).toBeLessThan(42);
    const place = { slug: 'aurora-letters', strategy: 'database', cluster: null } as const;
    const { days } = await reader.read(place, { from: rows[0].day, through: '2026-03-10' });
    expect(
      rows.map((row: Record<string, unknown>) => [row.day, row.members_total, row.paid_new, row.emails_opened]),
    ).toEqual(days.map((day) => [day.day, day.membersTotal, day.paidNew, day.emailsOpened]));
    expect(days.at(-1)).toMatchObject({ membersTotal: 60 });
    expect(days.reduce((sum, { emailsOpened }) => sum + emailsOpened, 0)).toBeGreaterThan(20);
    expect(await stateOf('aurora-letters')).toMatchObject({
      failures: 0,
      error: null,
      last_day: '2026-03-10',
      members_total: 60,
    });
  });

  it('changes nothing when it is repeated, or runs several times at once', async () => {
    const options = { reader: readerOf(platform.server), random: () => 0.5 };
    const contents = async () => [
      await rowsOf('daily_metrics', 'aurora-letters'),
      await rowsOf('daily_revenue', 'aurora-letters'),
      { ...(await stateOf('aurora-letters')), duration_ms: 0 },
    ];
    await refreshSite(platform.database, 'aurora-letters', noon, options);
    const before = await contents();
    await Promise.all([1, 2, 3].map(() => refreshSite(platform.database, 'aurora-letters', noon, options)));
    expect(await contents()).toEqual(before);
  });

  it('does not write over a later one', async () => {
    const options = { reader: readerOf(platform.server) };
    await refreshSite(platform.database, 'aurora-letters', hoursLater(1), options);
    const before = await stateOf('aurora-letters');
    const late = await refreshSite(platform.database, 'aurora-letters', noon, options);
    expect(late.result).toBe('superseded');
    expect(await stateOf('aurora-letters')).toEqual(before);
  });
});

describe('a visit of many days', () => {
  const standing = (slug: string) =>
    platform.database.asFleet((db) =>
      db('sites').join('creator_sums', 'creator_sums.creator_id', 'sites.creator_id').where({ slug }).first('stale'),
    );

  it('leaves the sums of its creator to the next one', async () => {
    const reader = readerOf(platform.server);
    await registerSite(platform.database, { slug: 'harbour-notes', creator: 'sums@example.com' });
    await refreshSite(platform.database, 'harbour-notes', hoursLater(-2), { reader });
    expect(await standing('harbour-notes')).toEqual({ stale: true });
    await refreshSite(platform.database, 'harbour-notes', hoursLater(-1), { reader });
    expect(await standing('harbour-notes')).toEqual({ stale: false });
  });
});

describe('a later visit', () => {
  const slug = 'harbour-notes';
  const options = () => ({ reader: readerOf(platform.server) });

  it('redoes the day that was not over and keeps what the others had at their end', async () => {
    await registerSite(platform.database, { slug, creator: 'mira@example.com' });
    await refreshSite(platform.database, slug, noon, options());
    const before = await dayOf(slug, '2026-03-09');
    await changeSite(slug, async (knex) => {
      // Gone with all their events, so that Ghost's own history of past days has them no more.
      const leaving = await knex('members').orderBy('id').limit(5).pluck('id');
      await knex('members').whereIn('id', leaving).delete();
    });
    expect((await refreshSite(platform.database, slug, hoursLater(24), options())).days).toBe(2);
    expect(await dayOf(slug, '2026-03-09')).toEqual(before);
    expect(await dayOf(slug, '2026-03-10')).toMatchObject({ members_total: 55 });
    expect(await dayOf(slug, '2026-03-11')).toMatchObject({ members_total: 55 });
  });

  it('counts newsletters that are opened late on the day that they were opened', async () => {
    const before = await dayOf(slug, '2026-03-06');
    await changeSite(slug, async (knex) => {
      const unopened = await knex('email_recipients').whereNull('opened_at').limit(3).pluck('id');
      await knex('email_recipients').whereIn('id', unopened).update({ opened_at: '2026-03-06 23:30:00' });
    });
    await refreshSite(platform.database, slug, hoursLater(25), options());
    expect(await dayOf(slug, '2026-03-06')).toEqual({ ...before, emails_opened: before.emails_opened + 3 });
  });

  it('sets the revenue of a currency to nought when nobody is left who pays in it', async () => {
    const revenue = async () =>
      Object.fromEntries(
        (
          await platform.database.asFleet((db) => db('daily_revenue').where({ site_slug: slug, day: '2026-03-11' }))
        ).map(({ currency, mrr }: { currency: string; mrr: number }) => [currency, mrr]),
      );
    const before = await revenue();
    expect(before.usd).toBeGreaterThan(0);
    await changeSite(slug, (knex) =>
      knex('members_stripe_customers_subscriptions').where({ plan_currency: 'usd' }).delete(),
    );
    await refreshSite(platform.database, slug, hoursLater(26), options());
    expect(await revenue()).toEqual({ ...before, usd: 0 });
  });

  it('adds requests since the last reading to the day, and takes storage as it is', async () => {
    const counters = [{ process: 'pod-1', count: 40 }];
    const usage = async () => ({ storageBytes: 12_345, requests: counters });
    await refreshSite(platform.database, slug, hoursLater(27), { ...options(), usage });
    counters.push({ process: 'pod-2', count: 2 });
    await refreshSite(platform.database, slug, hoursLater(28), { ...options(), usage });
    await refreshSite(platform.database, slug, hoursLater(28), { ...options(), usage });
    expect(await dayOf(slug, '2026-03-11')).toMatchObject({ requests: 42, storage_bytes: 12_345 });
    const broken = async () => Promise.reject(new Error('the bucket does not answer'));
    const outcome = await refreshSite(platform.database, slug, hoursLater(29), { ...options(), usage: broken });
    expect(outcome).toMatchObject({ result: 'refreshed', error: 'the bucket does not answer' });
    expect(await dayOf(slug, '2026-03-11')).toMatchObject({ requests: 42, storage_bytes: 12_345 });
    expect(await stateOf(slug)).toMatchObject({ requests: 42 });
  });

  it('keeps the version and the newest backup that a site named last', async () => {
    const newest = new Date('2026-03-11T03:15:00Z');
    const visit = (hours: number, usage: SiteUsage) =>
      refreshSite(platform.database, slug, hoursLater(hours), { ...options(), usage: async () => usage });
    const shown = async (hours: number) => {
      const creator = (await stateOf(slug)).creator_id;
      const now = hoursLater(hours);
      return getSiteData(platform.database, creator, slug, lastDays(7, now), now);
    };
    await visit(30, { ghostVersion: '6.65.0', newestBackupAt: newest });
    await visit(31, {});
    const backups = { known: true, newestAt: newest, overdue: false };
    expect(await shown(31)).toMatchObject({ ghostVersion: '6.65.0', backups });
    expect(await shown(31 + 48)).toMatchObject({ backups: { ...backups, overdue: true } });
    await visit(32, { newestBackupAt: null });
    expect(await shown(32)).toMatchObject({ backups: { known: true, newestAt: null, overdue: true } });
  });
});

describe('a site that does not answer', () => {
  let silent: Server;
  let silentPort: number;
  beforeAll(async () => {
    silentPort = await freePort();
    // Takes connections and says nothing, ever.
    silent = createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => silent.listen(silentPort, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => silent.close(resolve)));

  it('delays nobody, keeps its numbers, and is due again after a growing while', async () => {
    const { database, server } = platform;
    const servers = {
      default: server,
      silent: { host: '127.0.0.1', port: silentPort },
      away: { host: '127.0.0.1', port: 1 },
    };
    const reader = new DatabaseReader(new SiteDatabases({ servers, key: analyticsKey }), {
      timeoutMs: 4_000,
      maxConnections: 3,
    });
    await registerSite(database, { slug: 'slow-kitchen', creator: 'jon@example.com' });
    await refreshSite(database, 'slow-kitchen', noon, { reader });
    const numbers = await rowsOf('daily_metrics', 'slow-kitchen');
    await registerSite(database, { slug: 'slow-kitchen', creator: 'jon@example.com', cluster: 'silent' });
    await registerSite(database, { slug: 'gone-away', creator: 'jon@example.com', cluster: 'away' });
    await registerSite(database, { slug: 'quiet-river', creator: 'jon@example.com' });
    const ended: string[] = [];
    const round = (hours: number) =>
      refreshAll(database, ['slow-kitchen', 'gone-away', 'quiet-river', 'aurora-letters'], hoursLater(hours), {
        reader,
        random: () => 0,
        onOutcome: ({ slug }) => ended.push(slug),
      });
    const summary = await round(2);
    expect(summary.refreshed).toBe(2);
    expect(ended.at(-1)).toBe('slow-kitchen');
    expect(summary.failed.map(({ slug, error }) => [slug, error])).toEqual([
      ['slow-kitchen', 'slow-kitchen: no answer within 4 s'],
      ['gone-away', expect.stringContaining('ECONNREFUSED')],
    ]);
    await round(3);
    const state = await stateOf('slow-kitchen');
    expect(state).toMatchObject({ failures: 2, last_success_at: noon, error: expect.stringContaining('no answer') });
    // The second time a minute, spread from half of two minutes on.
    expect(state.next_due_at).toEqual(new Date(hoursLater(3).getTime() + 60_000));
    expect(await rowsOf('daily_metrics', 'slow-kitchen')).toEqual(numbers);
    expect(await rowsOf('daily_metrics', 'gone-away')).toEqual([]);
  });

  it('is well again with its next answer', async () => {
    await registerSite(platform.database, { slug: 'slow-kitchen', creator: 'jon@example.com' });
    await refreshSite(platform.database, 'slow-kitchen', hoursLater(30), { reader: readerOf(platform.server) });
    expect(await stateOf('slow-kitchen')).toMatchObject({ failures: 0, error: null, last_day: '2026-03-11' });
    expect((await rowsOf('daily_metrics', 'slow-kitchen')).at(-1)).toMatchObject({
      day: '2026-03-11',
      members_total: 60,
    });
  });

  it('may say what it likes: beyond the bounds it fails alone', async () => {
    await changeSite('quiet-river', (knex) => knex('emails').update({ email_count: 9_000_000_000_000 }));
    const outcome = await refreshSite(platform.database, 'quiet-river', hoursLater(31), {
      reader: readerOf(platform.server),
    });
    expect(outcome).toMatchObject({ result: 'failed', error: expect.stringMatching(/out of range/) });
  });
});

describe("the sums of a creator's days", () => {
  const differences = (creatorId: string) =>
    platform.database.asFleet(async (db) => {
      const { rows } = await db.raw(
        `select day, sum(members_total), sum(emails_opened), sum(requests) from daily_metrics
          where creator_id = :creatorId and site_slug in (select slug from sites where removed_at is null) group by day
         except select day, members_total, emails_opened, requests from creator_days where creator_id = :creatorId
         union all
         select day, sum(mrr), null, null from daily_revenue
          where creator_id = :creatorId and site_slug in (select slug from sites where removed_at is null) group by day, currency
         except all select day, mrr, null, null from creator_revenue_days where creator_id = :creatorId`,
        { creatorId },
      );
      return rows;
    });
  const slugs = ['aurora-letters', 'harbour-notes', 'slow-kitchen'];

  it('are right when all sites are visited at once, again and again, and when one is handed over', async () => {
    const { database, server } = platform;
    const options = {
      reader: readerOf(server),
      usage: async () => ({ requests: [{ process: 'pod', count: Math.round(performance.now()) }] }),
    };
    const jon = await registerSite(database, { slug: 'aurora-letters', creator: 'jon@example.com' });
    for (const slug of slugs) await registerSite(database, { slug, creator: 'jon@example.com' });
    for (let hours = 40; hours < 44; hours += 1) {
      const { refreshed } = await refreshAll(database, slugs, hoursLater(hours), options);
      expect(refreshed).toBe(3);
      expect(await differences(jon)).toEqual([]);
    }
    const heir = await registerSite(database, { slug: 'harbour-notes', creator: 'heir@example.com' });
    expect(await differences(jon)).not.toEqual([]);
    await refreshAll(database, slugs, hoursLater(45), options);
    expect(await differences(jon)).toEqual([]);
    expect(await differences(heir)).toEqual([]);
    const days = await database.asFleet((db) => db('creator_days').where({ creator_id: heir }));
    expect(days.length).toBeGreaterThan(35);
  });
});

describe('the sites that are due', () => {
  it('are those never visited, then those that wait longest; none that is paused, removed or not due yet', async () => {
    const { database } = platform;
    await registerSite(database, { slug: 'brand-new', creator: 'jon@example.com' });
    await registerSite(database, { slug: 'on-holiday', creator: 'jon@example.com', state: 'paused' });
    await registerSite(database, { slug: 'left-us', creator: 'jon@example.com' });
    await database.asFleet((db) => db.raw("select registry.remove_site('left-us')"));
    const due = (slug: string, at: Date) =>
      database.asFleet((db) => db('site_refreshes').where({ site_slug: slug }).update({ next_due_at: at }));
    await due('aurora-letters', hoursLater(-1));
    await due('harbour-notes', hoursLater(-2));
    for (const slug of ['slow-kitchen', 'gone-away', 'quiet-river']) await due(slug, hoursLater(1));
    expect(await refreshDue(database, noon)).toEqual(['brand-new', 'harbour-notes', 'aurora-letters']);
    expect(await refreshDue(database, noon, 2)).toEqual(['brand-new', 'harbour-notes']);
  });

  it('are told apart from those that are none: an unknown slug is nobody’s failure', async () => {
    const outcome = await refreshSite(platform.database, 'never-was', noon, { reader: readerOf(platform.server) });
    expect(outcome).toEqual({ slug: 'never-was', result: 'superseded', days: 0 });
  });
});
