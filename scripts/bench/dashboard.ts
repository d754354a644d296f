import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { withClient } from '../../runtime/database/administrator.ts';
import { getDashboardData } from '../../runtime/platform/analytics/dashboard.ts';
import { getFleetSites } from '../../runtime/platform/analytics/fleet.ts';
import { getFleetTotals } from '../../runtime/platform/analytics/fleet-totals.ts';
import { lastDays } from '../../runtime/platform/analytics/range.ts';
import { getSiteData } from '../../runtime/platform/analytics/site.ts';
import type { PlatformDatabase } from '../../runtime/platform/database/connection.ts';
import { platformDatabase } from '../../runtime/platform/database/provision.ts';
import { fillFleet } from '../dataset/fleet.ts';
import { Random } from '../dataset/random.ts';
import { startPlatform } from './analytics/platform.ts';
import { type BenchWeb, benchStaff, startWeb } from './analytics/web.ts';
import { cpuSecondsOf } from './cpu.ts';
import { stopWhenInterrupted } from './interruption.ts';
import { percentileOf } from './load.ts';
import { printTable } from './measure.ts';
import { readNumbers } from './options.ts';

const usage = `usage: npm run bench -- dashboard [option ...]

What the pages of the platform's dashboard take, one after the other: their data from its database, then whole pages by HTTP
as a browser that is signed in asks for them. Latency as the page sees it, and the processor time of the server and this process, which other work on the machine does not change.

  --sites <n>      default 1000; the first creator has a fifth of them
  --creators <n>   default 100
  --days <n>       of daily numbers; default 400
  --rounds <n>     of each page; default 200`;

const through = '2026-10-31';
const now = new Date(`${through}T12:30:00Z`);

/** Milliseconds of the page's data at most, 95 of 100. */
const wantedMs = 50;

/** A page's data; `pick` chooses among creators and sites. */
interface Page {
  readonly name: string;
  read(pick: Random): Promise<unknown>;
}

/** Prints a row for each page. @returns 1 where a page took longer than it may */
export async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-dashboard-'));
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 5 });
  stopWhenInterrupted(remove);
  const platform = await startPlatform(dir);
  try {
    const { server, database } = platform;
    console.error(`filling: ${options.sites} sites, ${options.days} days`);
    await withClient(server, platformDatabase, (client) => fillFleet(client, { ...options, through }));
    const rows: (readonly (string | number)[])[] = [];
    let late = false;
    const web = await startWeb(database, platform.settings, () => now);
    for (const page of [...(await pagesOf(database)), ...(await webPagesOf(web, database))]) {
      const { latenciesMs, cpuMs } = await measure(page, server.pid, options.rounds);
      const p95 = percentileOf(latenciesMs, 0.95);
      late ||= p95 > wantedMs;
      rows.push([page.name, percentileOf(latenciesMs, 0.5), p95, cpuMs, p95 > wantedMs ? `not met` : 'met']);
      console.error(`measured: ${page.name}`);
    }
    await web.stop();
    const { sites, creators, days, rounds } = options;
    console.log(`settings: ${sites} sites of ${creators} creators, ${days} days, ${rounds} rounds, one page at a time`);
    printTable(['page', 'p50 (ms)', 'p95 (ms)', 'processor (ms)', `p95 under ${wantedMs} ms`], rows);
    return late ? 1 : 0;
  } finally {
    await platform.stop();
    await remove();
  }
}

async function pagesOf(database: PlatformDatabase): Promise<Page[]> {
  const sites = await database.asFleet((db) => db('sites').select('slug', 'creator_id').orderBy('slug'));
  const largest = sites[0]?.creator_id as string;
  const dashboard = (days: number, creatorOf: (pick: Random) => string) => (pick: Random) =>
    getDashboardData(database, creatorOf(pick), lastDays(days, now), { now });
  // By site, so that a creator with more of them is asked for more often.
  const any = (pick: Random) => pick.pick(sites).creator_id as string;
  const site = (days: number) => (pick: Random) => {
    const { slug, creator_id: creatorId } = pick.pick(sites);
    return getSiteData(database, creatorId, slug, lastDays(days, now), now);
  };
  const { length: count } = sites.filter(({ creator_id: creatorId }) => creatorId === largest);
  return [
    { name: 'creator, 30 days', read: dashboard(30, any) },
    { name: 'creator, 90 days', read: dashboard(90, any) },
    { name: `creator of ${count} sites, 30 days`, read: dashboard(30, () => largest) },
    { name: 'site, 30 days', read: site(30) },
    { name: 'site, 365 days', read: site(365) },
    { name: 'fleet, first page', read: () => getFleetSites(database, {}, now) },
    {
      name: 'fleet, searched',
      read: (pick) => getFleetSites(database, { search: `creator-${pick.integer(1, 99)}@` }, now),
    },
    { name: 'fleet, by members', read: () => getFleetSites(database, { order: 'members' }, now) },
    { name: 'fleet, in sum', read: () => getFleetTotals(database, now) },
  ];
}

/** The same, and the page that is made of it, over HTTP. */
async function webPagesOf(web: BenchWeb, database: PlatformDatabase): Promise<Page[]> {
  const largest = await database.asFleet((db) =>
    db('sites').join('creators', 'creators.creator_id', 'sites.creator_id').orderBy('slug').first('email', 'slug'),
  );
  const asCreator = await web.signIn(largest.email);
  const asStaff = await web.signIn(benchStaff);
  return [
    { name: 'page of the largest creator', read: () => asCreator('/sites') },
    { name: 'page of a site, a year', read: () => asCreator(`/sites/${largest.slug}?days=365`) },
    { name: 'page of the fleet', read: () => asStaff('/fleet') },
    { name: 'page of the fleet, searched', read: (pick) => asStaff(`/fleet?search=creator-${pick.integer(1, 99)}`) },
  ];
}

async function measure(page: Page, serverPid: number, rounds: number) {
  const pick = new Random(1);
  for (let warm = 0; warm < 10; warm += 1) await page.read(pick);
  const cpu = () => cpuSecondsOf(serverPid) + process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
  const before = cpu();
  const latenciesMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    await page.read(pick);
    latenciesMs.push(performance.now() - started);
  }
  return { latenciesMs, cpuMs: ((cpu() - before) * 1000) / rounds };
}

function readOptions(args: readonly string[]) {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      sites: text('1000'),
      creators: text('100'),
      days: text('400'),
      rounds: text('200'),
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  return readNumbers({
    sites: { value: values.sites, min: 50, max: 20_000 },
    creators: { value: values.creators, min: 2, max: 10_000 },
    days: { value: values.days, min: 1, max: 2_000 },
    rounds: { value: values.rounds, min: 1, max: 100_000 },
  });
}
