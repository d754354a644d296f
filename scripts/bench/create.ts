import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { writeCandidate } from '../../sites/candidate.ts';
import { type DatabaseStrategy, databaseStrategies } from '../../sites/naming.ts';
import type { SiteInput } from '../../sites/schema.ts';
import { UsageError } from '../command.ts';
import { request } from '../services/site.ts';
import { Dashboard } from './create/dashboard.ts';
import { stopWhenInterrupted } from './interruption.ts';
import { LocalFleet } from './local-fleet.ts';
import { printTable, spreadOf } from './measure.ts';
import { readNumbers } from './options.ts';

const usage = `usage: npm run bench -- create [option ...]

A new site in a running local fleet: from sending the dashboard's form to the first 200 of the new site's front page. The
fleet has one site beside it; a new one is taken out again before the next is made.

  --rounds <n>        sites of each kind; default 5
  --database <kinds>  of sqlite, schema, database; default sqlite,database
  --seconds <n>       that the middle one of each kind may take; default 15`;

const creator = 'mira@example.com';

/** Prints a row for each kind of database. @returns 1 where one took longer than it may */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      database: { type: 'string', default: 'sqlite,database' },
      seconds: { type: 'string', default: '15' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const { rounds, seconds } = readNumbers({
    rounds: { value: values.rounds, min: 1, max: 100 },
    seconds: { value: values.seconds, min: 1, max: 600 },
  });
  const kinds = databaseStrategies.filter((kind) => values.database.split(',').includes(kind));
  if (kinds.length !== values.database.split(',').length)
    throw new UsageError([`--database: expected some of ${databaseStrategies.join(',')}; got ${values.database}`]);
  const rows: (readonly (string | number)[])[] = [];
  let late = 0;
  for (const kind of kinds) {
    const { min, median, max } = spreadOf(await timeSites(kind, rounds));
    if (median > seconds) late += 1;
    rows.push([kind, min, median, max, `${median <= seconds ? 'met' : 'not met'} (${seconds} s)`]);
  }
  console.log(`settings: npm start with one site beside the new one, ${rounds} new sites of each kind, warm cache`);
  printTable(['click to page, seconds', 'min', 'median', 'max', ''], rows);
  return late === 0 ? 0 : 1;
}

/** Seconds that each new site took, in a fleet of its own kind. */
async function timeSites(kind: DatabaseStrategy, rounds: number): Promise<number[]> {
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-bench-'));
  const sitesDir = path.join(dir, 'sites');
  await mkdir(sitesDir);
  await writeCandidate(sitesDir, siteOf('first-letters'));
  const fleet = await LocalFleet.start(path.join(dir, 'state'), ['--sites', sitesDir, '--database', kind]);
  const forget = stopWhenInterrupted(() => fleet.stop());
  try {
    await fleet.ready();
    const dashboard = new Dashboard(fleet.port);
    await fleet.until(() => dashboard.answers());
    await dashboard.signIn(creator);
    // What the fleet prepares in the background for new sites.
    await sleep(kind === 'database' ? 20_000 : 2_000);
    const figures: number[] = [];
    for (let round = 1; round <= rounds; round += 1) figures.push(await timeSite(fleet, dashboard, sitesDir, round));
    return figures;
  } finally {
    forget();
    await fleet.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function timeSite(fleet: LocalFleet, dashboard: Dashboard, sitesDir: string, round: number): Promise<number> {
  const { slug, domains, plan } = siteOf(`new-letters-${round}`);
  const form = await dashboard.openForm('/sites/new');
  const started = performance.now();
  await form.submit('/sites', { slug, domain: domains[0] ?? '', plan });
  await fleet.until(async () => (await request(fleet.port, '/', { host: `${slug}.localhost` })).status === 200);
  const seconds = (performance.now() - started) / 1000;
  await rm(path.join(sitesDir, `${slug}.yaml`));
  await fleet.until(async () => !(await fleet.states()).has(slug));
  return seconds;
}

function siteOf(slug: string): SiteInput & { readonly domains: string[]; readonly plan: 'studio' } {
  return { slug, creator, title: slug, domains: [`${slug}.example.com`], plan: 'studio' };
}
