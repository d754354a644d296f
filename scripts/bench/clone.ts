import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ensureTemplate } from '../../runtime/database/template.ts';
import { ghostPathOf } from '../fleet/ghost-release.ts';
import { type PostgresServer, startPostgres } from '../services/postgres.ts';
import { SiteUnderTest, siteEnvironment } from '../services/site.ts';
import { stopWhenInterrupted } from './interruption.ts';
import { printTable, spreadOf } from './measure.ts';

/** From an entry without a database to the first 200 of its front page. */
interface FirstStart {
  /** Role and database provisioned, cloned where it is to be. */
  readonly provisioned: number;
  readonly served: number;
}

/**
 * The first start of a new site with strategy `database`: cloned from the template of its Ghost, against initialised by
 * Ghost itself; in turn, one pair after the other, so that a machine that slows down slows both.
 */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { rounds: { type: 'string', default: '5' } } });
  const rounds = Number(values.rounds);
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-bench-'));
  const server = await startPostgres({ dataDir: path.join(dir, 'postgres') });
  stopWhenInterrupted(() => server.stop());
  try {
    const ghostPath = await ghostPathOf(undefined);
    // Files of Ghost and of the server come from the disk only once.
    await firstStart(server, dir, 'warm-up', undefined);
    const started = performance.now();
    await ensureTemplate(server, ghostPath);
    const making = secondsSince(started);
    const cloned: FirstStart[] = [];
    const initialised: FirstStart[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      cloned.push(await firstStart(server, dir, `cloned-${round}`, ghostPath));
      initialised.push(await firstStart(server, dir, `initialised-${round}`, undefined));
    }
    console.log(
      `settings: strategy database, empty registry entry to HTTP 200, ${rounds} rounds in turn; the template was made in ${making.toFixed(1)} s, once for this server and Ghost`,
    );
    const row = (name: string, figures: readonly number[]) => {
      const { min, median, max } = spreadOf(figures);
      return [name, min, median, max];
    };
    printTable(
      ['', 'min', 'median', 'max'],
      [
        row(
          'cloned (s)',
          cloned.map(({ served }) => served),
        ),
        row(
          '  of it role and database (s)',
          cloned.map(({ provisioned }) => provisioned),
        ),
        row(
          'initialised by Ghost (s)',
          initialised.map(({ served }) => served),
        ),
        row(
          '  of it role and database (s)',
          initialised.map(({ provisioned }) => provisioned),
        ),
        row(
          'ratio, pair by pair',
          cloned.map(({ served }, at) => served / (initialised[at]?.served ?? Number.NaN)),
        ),
      ],
    );
  } finally {
    await server.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function firstStart(
  server: PostgresServer,
  dir: string,
  slug: string,
  ghostPath: string | undefined,
): Promise<FirstStart> {
  const started = performance.now();
  const clone = ghostPath === undefined ? {} : { ghostPath };
  const env = await siteEnvironment({ slug, title: slug, dir, strategy: 'database', server, ...clone });
  const provisioned = secondsSince(started);
  const site = new SiteUnderTest(env);
  try {
    while ((await site.get('/').catch(() => undefined))?.status !== 200) {
      if (!site.running) throw new Error(`${slug} did not become ready:\n${site.output.slice(-2_000)}`);
      await sleep(25);
    }
    return { provisioned, served: secondsSince(started) };
  } finally {
    await site.stop();
  }
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
