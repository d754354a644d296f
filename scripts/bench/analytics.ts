import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { DatabaseReader } from '../../runtime/database/analytics/reader.ts';
import { SiteDatabases } from '../../runtime/database/connection.ts';
import { refreshAll, refreshDue } from '../../runtime/platform/analytics/due.ts';
import type { RefreshOptions } from '../../runtime/platform/analytics/refresh.ts';
import type { PlatformDatabase } from '../../runtime/platform/database/connection.ts';
import { ghostPathOf } from '../fleet/ghost-release.ts';
import { type BenchPlatform, startPlatform } from './analytics/platform.ts';
import { createSites } from './analytics/sites.ts';
import { cpuSecondsOf } from './cpu.ts';
import { stopWhenInterrupted } from './interruption.ts';
import { percentileOf } from './load.ts';
import { printTable } from './measure.ts';
import { readNumbers } from './options.ts';

const usage = `usage: npm run bench -- analytics [option ...]

Visits every site of a fleet, each with a PostgreSQL database of its own on one server, and writes its numbers to the
platform's database on the same server: at first with all history, then an hour and a day later.

  --sites <n>        default 1000; each takes about 12 MB of the temporary folder
  --members <n>      of each site; default 300
  --days <n>         of each site's history; default 400
  --connections <n>  sites that are read at once; default 8
  --seconds <n>      that a visit of all may take once their history is known; default 60`;

const key = 'a key that the secrets of this bench are made of';
const through = '2026-10-30';
const noon = new Date('2026-10-31T12:00:00Z');

interface Options {
  readonly sites: number;
  readonly members: number;
  readonly days: number;
  readonly connections: number;
  readonly seconds: number;
}

/** Prints a row for each round. @returns 1 where a later round took longer than it may, or a number is not right */
export async function run(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-analytics-'));
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 5 });
  stopWhenInterrupted(remove);
  // A thousand clones are as many gigabytes of log as of data; checkpoints would write most of it twice.
  const platform = await startPlatform(dir, { max_wal_size: '4GB', max_connections: '100' });
  try {
    await prepare(platform, options);
    return await measure(platform, options);
  } finally {
    await platform.stop();
    await remove();
  }
}

async function prepare({ server, database }: BenchPlatform, { sites, members, days }: Options): Promise<void> {
  const ghostPath = await ghostPathOf(undefined);
  const started = performance.now();
  await createSites(server, database, { sites, key, ghostPath, history: { through, days, members } }, (made) => {
    if (made % 50 === 0 || made === sites)
      console.error(`cloned: ${made} of ${sites}, ${secondsSince(started).toFixed(0)} s`);
  });
}

async function measure({ server, database }: BenchPlatform, options: Options): Promise<number> {
  const { sites, members, days, connections, seconds } = options;
  const databases = new SiteDatabases({ servers: { default: server }, key });
  const reader = new DatabaseReader(databases, { maxConnections: connections });
  const rows: (readonly (string | number)[])[] = [];
  let failures = 0;
  for (const [name, hours, limit] of [
    ['first visit, all history', 0, undefined],
    ['an hour and a half later', 1.5, seconds],
    ['a day later', 26, seconds],
  ] as const) {
    const now = new Date(noon.getTime() + hours * 3_600_000);
    const round = await visitAll(database, server.pid, now, { reader, concurrency: connections, historyDays: days });
    if (limit !== undefined && (round.seconds > limit || round.refreshed < sites)) failures += 1;
    const verdict = limit === undefined ? '' : `${round.seconds <= limit ? 'met' : 'not met'} (${limit} s)`;
    const { refreshed, latenciesMs, cpuSeconds } = round;
    rows.push([
      name,
      refreshed,
      round.seconds,
      percentileOf(latenciesMs, 0.5),
      percentileOf(latenciesMs, 0.95),
      cpuSeconds,
      verdict,
    ]);
  }
  console.log(
    `settings: ${sites} databases of ${members} members and ${days} days, ${connections} connections at once, one server for sites and platform`,
  );
  printTable(['round', 'sites', 'seconds', 'a site, p50 (ms)', 'p95 (ms)', 'processor (s)', ''], rows);
  const odd = await countOddSites(database, options);
  console.log(odd === 0 ? `numbers: right for all ${sites} sites` : `numbers: not right for ${odd} sites`);
  return failures > 0 || odd > 0 ? 1 : 0;
}

interface Round {
  readonly refreshed: number;
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  readonly cpuSeconds: number;
}

async function visitAll(
  database: PlatformDatabase,
  serverPid: number,
  now: Date,
  options: RefreshOptions & { readonly concurrency: number },
): Promise<Round> {
  const cpu = () => cpuSecondsOf(serverPid) + (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
  const before = cpu();
  const started = performance.now();
  const slugs = await refreshDue(database, now, 100_000);
  let ended = 0;
  const summary = await refreshAll(database, slugs, now, {
    ...options,
    onOutcome: () => {
      ended += 1;
      if (ended % 200 === 0)
        console.error(`visited: ${ended} of ${slugs.length}, ${secondsSince(started).toFixed(0)} s`);
    },
  });
  const seconds = secondsSince(started);
  for (const { error } of summary.failed.slice(0, 5)) console.error(`failed: ${error}`);
  const durations = await database.asFleet((db) => db('site_refreshes').pluck('duration_ms'));
  return { refreshed: summary.refreshed, seconds, latenciesMs: durations, cpuSeconds: cpu() - before };
}

/** Sites that do not have what every site was given. */
async function countOddSites(database: PlatformDatabase, { sites, members }: Options): Promise<number> {
  const right = await database.asFleet((db) =>
    db('daily_metrics')
      .select('site_slug')
      .groupBy('site_slug')
      .having(db.raw('max(day) = ? and max(members_total) = ?', ['2026-11-01', members]))
      .having(db.raw('sum(members_new) = ? and count(*) = max(day) - min(day) + 1', [members])),
  );
  return sites - right.length;
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}

function readOptions(args: readonly string[]): Options | undefined {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      sites: text('1000'),
      members: text('300'),
      days: text('400'),
      connections: text('8'),
      seconds: text('60'),
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  return readNumbers({
    sites: { value: values.sites, min: 1, max: 10_000 },
    members: { value: values.members, min: 10, max: 100_000 },
    days: { value: values.days, min: 1, max: 2_000 },
    connections: { value: values.connections, min: 1, max: 64 },
    seconds: { value: values.seconds, min: 1, max: 86_400 },
  });
}
