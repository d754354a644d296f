import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EndpointReader } from '../../../runtime/database/analytics/endpoint-reader.ts';
import { DatabaseReader, type SiteNumbers } from '../../../runtime/database/analytics/reader.ts';
import { RoutedReader } from '../../../runtime/database/analytics/routed-reader.ts';
import { SiteDatabases, type SitePlace } from '../../../runtime/database/connection.ts';
import { provisionSiteDatabase } from '../../../runtime/database/provision.ts';
import { addDays, dayOf } from '../../../runtime/site/analytics/numbers.ts';
import { DirectoryStore } from '../../../runtime/site/backups/directory-store.ts';
import { nameNewest } from '../../../runtime/site/backups/newest.ts';
import { connectPostgres, connectSqlite } from '../../../scripts/dataset/connections.ts';
import { createHistory, insertHistory } from '../../../scripts/dataset/history.ts';
import { deriveSecret } from '../../../sites/derived-secret.ts';
import { type DatabaseStrategy, databaseStrategies, namesOf, searchPathOf } from '../../../sites/naming.ts';
import { analyticsKey } from '../../support/analytics-fleet.ts';
import { owner } from '../../support/fixtures.ts';
import { GhostAdmin } from '../../support/ghost-admin.ts';
import { request, SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const shared = useTestServer();
const today = dayOf(new Date());
const historyDays = 60;
const window = { from: addDays(today, -historyDays), through: today };

interface LiveSite {
  readonly place: SitePlace;
  readonly env: Record<string, string>;
  readonly process: SiteUnderTest;
  readonly admin: GhostAdmin;
}
const sites = new Map<DatabaseStrategy, LiveSite>();
let reader: RoutedReader;
let endpoint: EndpointReader;

/** A running Ghost with an owner and a history of members, revenue and newsletters that ended yesterday. */
async function startSite(strategy: DatabaseStrategy): Promise<LiveSite> {
  const slug = `count-${strategy}`;
  const server = strategy === 'sqlite' ? {} : { server: shared.server };
  const env: Record<string, string> = {
    ...(await siteEnvironment({ slug, title: slug, dir: shared.dir, strategy, ...server })),
    ANALYTICS_TOKEN: deriveSecret(analyticsKey, 'analytics-token', slug),
    BACKUP_TARGET: path.join(shared.dir, 'backups'),
  };
  if (strategy !== 'sqlite') {
    const readerPassword = deriveSecret(analyticsKey, 'reader-password', slug);
    await provisionSiteDatabase(shared.server, { slug, strategy, password: 'a-password', readerPassword });
  }
  const process = await new SiteUnderTest(env).ready();
  const admin = new GhostAdmin(env);
  await admin.setUp(owner);
  await fill(slug, strategy, env);
  // Something of today, by Ghost itself.
  for (const email of ['new-1@example.com', 'new-2@example.com'])
    expect((await admin.send('POST', '/ghost/api/admin/members/', { members: [{ email }] })).status).toBe(201);
  return { place: { slug, strategy, cluster: null }, env, process, admin };
}

async function fill(slug: string, strategy: DatabaseStrategy, env: Record<string, string>): Promise<void> {
  const knex =
    strategy === 'sqlite'
      ? connectSqlite(`${env.CONTENT_PATH}/${namesOf(slug).sqliteFile}`)
      : connectPostgres(shared.server, {
          database: env.DATABASE_NAME ?? '',
          searchPath: searchPathOf(slug, strategy).join(', '),
        });
  try {
    const { id: newsletterId } = await knex('newsletters').first();
    const options = { seed: 7, through: addDays(today, -1), days: historyDays, members: 150, newsletterId };
    await insertHistory(knex, createHistory(options));
  } finally {
    await knex.destroy();
  }
}

beforeAll(async () => {
  // One after the other: each Ghost wants a core of its own while it boots.
  for (const strategy of databaseStrategies) sites.set(strategy, await startSite(strategy));
  const contentPath = () => sites.get('sqlite')?.env.CONTENT_PATH ?? '';
  const files = new DatabaseReader(new SiteDatabases({ contentPath }));
  const servers = new DatabaseReader(new SiteDatabases({ servers: { default: shared.server }, key: analyticsKey }));
  reader = new RoutedReader({ sqlite: files, postgres: servers });
  const url = (slug: string) =>
    `http://127.0.0.1:${[...sites.values()].find(({ place }) => place.slug === slug)?.env.PROBE_PORT}`;
  endpoint = new EndpointReader({ url, key: analyticsKey });
}, 600_000);
afterAll(() => Promise.all([...sites.values()].map(({ process }) => process.stop())));

const siteOf = (strategy: DatabaseStrategy) => sites.get(strategy) as LiveSite;
const read = (strategy: DatabaseStrategy): Promise<SiteNumbers> => reader.read(siteOf(strategy).place, window);

describe('the same publication', () => {
  it('has the same numbers in a SQLite file, a schema, a database and by its endpoint', async () => {
    const [sqlite, schema, database] = await Promise.all(databaseStrategies.map(read));
    expect(schema).toEqual(sqlite);
    expect(database).toEqual(sqlite);
    expect(await endpoint.read(siteOf('sqlite').place, window)).toEqual(sqlite);
  });

  it('says what it runs and when it was backed up', async () => {
    const { place } = siteOf('database');
    const { version } = JSON.parse(await readFile('runtime/site/ghost.json', 'utf8')) as { version: string };
    expect(await endpoint.report(place.slug, today)).toMatchObject({ ghostVersion: version, newestBackupAt: null });
    const store = new DirectoryStore(path.join(shared.dir, 'backups'));
    await nameNewest(store, { slug: place.slug, id: '20261125T031500Z' });
    const newestBackupAt = '2026-11-25T03:15:00.000Z';
    expect(await endpoint.report(place.slug, today)).toMatchObject({ newestBackupAt });
  });

  it('has numbers worth comparing', async () => {
    const { days, staff } = await read('database');
    const sum = (
      metric: 'membersNew' | 'paidNew' | 'paidChurned' | 'emailsSent' | 'emailsOpened' | 'emailsClicked' | 'comments',
    ) => days.reduce((total, day) => total + day[metric], 0);
    expect(days.at(-1)).toMatchObject({ membersTotal: 152, membersNew: 2 });
    for (const metric of ['paidNew', 'paidChurned', 'emailsSent', 'emailsOpened', 'emailsClicked', 'comments'] as const)
      expect([metric, sum(metric)]).toEqual([metric, expect.toSatisfy((value: number) => value > 2)]);
    expect(Object.keys(days.at(-1)?.mrr ?? {})).toEqual(['eur', 'usd']);
    expect(staff).toBe(1);
  });
});

describe.each(databaseStrategies)("on %s, Ghost's own Admin API", (strategy) => {
  const stats = async (path: string) => {
    const { status, body } = await siteOf(strategy).admin.send('GET', `/ghost/api/admin/stats/${path}`);
    expect(status).toBe(200);
    return body.stats;
  };

  it('counts members by status, day by day, as we do', async () => {
    const history = await stats(`member_count/?date_from=${window.from}`);
    const { days } = await read(strategy);
    const ours = days.map((day) => ({
      date: day.day,
      paid: day.membersPaid,
      free: day.membersFree,
      comped: day.membersComped,
      gift: day.membersGifted,
      paid_subscribed: day.paidNew,
      paid_canceled: day.paidChurned,
    }));
    expect(ours).toEqual(
      history.slice(-ours.length).map((entry: Record<string, unknown>) => expect.objectContaining(entry)),
    );
    expect(history.length).toBeGreaterThanOrEqual(ours.length);
  });

  it('has the monthly recurring revenue that we have, on each day that it names', async () => {
    const history: { date: string; currency: string; mrr: number }[] = await stats(`mrr/?date_from=${window.from}`);
    const { days } = await read(strategy);
    const named = history.filter(({ date }) => date >= window.from);
    expect(named.length).toBeGreaterThan(5);
    expect(named.map(({ date, currency, mrr }) => [date, currency, Number(mrr)])).toEqual(
      named.map(({ date, currency }) => [date, currency, days.find(({ day }) => day === date)?.mrr[currency]]),
    );
  });

  it('has newsletters with the recipients, opens and clicks that our days add up to', async () => {
    const knex = '/ghost/api/admin/newsletters/';
    const { body } = await siteOf(strategy).admin.send('GET', knex);
    const newsletter = body.newsletters[0].id;
    const letters: { sent_to: number; total_opens: number; total_clicks: number }[] = await stats(
      `newsletter-stats/?newsletter_id=${newsletter}&limit=100`,
    );
    const { days } = await read(strategy);
    const theirs = (of: (letter: (typeof letters)[number]) => number) =>
      letters.reduce((sum, letter) => sum + Number(of(letter)), 0);
    expect(letters.length).toBeGreaterThan(5);
    expect(days.reduce((sum, { emailsSent }) => sum + emailsSent, 0)).toBe(theirs(({ sent_to }) => sent_to));
    expect(days.reduce((sum, { emailsOpened }) => sum + emailsOpened, 0)).toBe(
      theirs(({ total_opens }) => total_opens),
    );
    expect(days.reduce((sum, { emailsClicked }) => sum + emailsClicked, 0)).toBe(
      theirs(({ total_clicks }) => total_clicks),
    );
  });
});

describe("a site's endpoint", () => {
  const probe = (path: string, token?: string) =>
    request(
      Number(siteOf('sqlite').env.PROBE_PORT),
      path,
      token === undefined ? {} : { authorization: `Bearer ${token}` },
    );
  const path = `/analytics?from=${today}&through=${today}`;

  it('answers nobody without its token', async () => {
    const neighbour = deriveSecret(analyticsKey, 'analytics-token', 'count-schema');
    for (const token of [undefined, 'guess', neighbour]) {
      const { status, body } = await probe(path, token);
      expect([status, body]).toEqual([401, '{"error":"expected the site\'s token"}\n']);
    }
  });

  it('refuses windows that are none', async () => {
    const token = siteOf('sqlite').env.ANALYTICS_TOKEN;
    const queries = [
      '',
      '?from=2026-02-01',
      '?from=2026-02-31&through=2026-03-02',
      '?from=2026-02-02&through=2026-02-01',
    ];
    for (const query of [...queries, '?from=1000-01-01&through=2026-01-01'])
      expect([query, (await probe(`/analytics${query}`, token)).status]).toEqual([query, 400]);
  });

  it('tells what the site stores and how many requests were answered, for a site on PostgreSQL too', async () => {
    for (const strategy of ['sqlite', 'database'] as const) {
      const { place } = siteOf(strategy);
      const before = await endpoint.report(place.slug, today);
      for (let visit = 0; visit < 3; visit += 1) await siteOf(strategy).process.get('/');
      const after = await endpoint.report(place.slug, today);
      expect(after.requests.process).toBe(before.requests.process);
      expect(after.requests.count).toBeGreaterThanOrEqual(before.requests.count + 3);
      expect(after.storageBytes).toBeGreaterThan(1_000_000);
      expect(after.numbers === null).toBe(strategy === 'database');
    }
  });

  it('is not there without a token', async () => {
    const { ANALYTICS_TOKEN: token, ...env } = siteOf('sqlite').env;
    await siteOf('sqlite').process.stop();
    const plain = await new SiteUnderTest(env).ready();
    try {
      expect((await probe(path, token)).status).toBe(404);
      await expect(endpoint.read(siteOf('sqlite').place, window)).rejects.toThrow(
        'count-sqlite: its endpoint answers 404',
      );
    } finally {
      await plain.stop();
    }
    await expect(endpoint.read(siteOf('sqlite').place, window)).rejects.toThrow(
      /count-sqlite: .*(fetch failed|ECONNREFUSED)/,
    );
  });
});
