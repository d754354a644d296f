import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { type DatabaseStrategy, databaseStrategies } from '../sites/naming.ts';
import { printMachine } from './bench/measure.ts';
import { runCommand, UsageError } from './command.ts';
import { Random } from './dataset/random.ts';
import { ghostPathOf } from './fleet/ghost-release.ts';
import {
  type InterruptedWork,
  interruptedWorks,
  interruptFirstStart,
  type NewSite,
  startTwins,
  timeUndisturbed,
} from './kills/interruption.ts';
import { readSiteShape, type SiteShape } from './kills/site-shape.ts';
import { startPostgres } from './services/postgres.ts';

const usage = `usage: npm run kills -- [--kills <n>] [--seed <n>] [--database sqlite|schema|database]

Ends first starts of new sites by SIGKILL at random moments, starts each again and compares its database with that of an
undisturbed first start: tables, columns, indexes, constraints, fixtures, ledger. Also lets two processes start one new site
at once. Exit code 0 only where every database was the same and every site served, without another step.

  --kills <n>       number of kills (default 30)
  --seed <n>        of the moments (default: by the clock; printed)
  --database <s>    strategy (default database: while Ghost initialises, while a template is made, while it is cloned)`;

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '30' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      database: { type: 'string', default: 'database' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const strategy = databaseStrategies.find((known) => known === values.database);
  const [kills, seed] = [Number(values.kills), Number(values.seed)];
  if (strategy === undefined || !Number.isSafeInteger(kills) || !Number.isSafeInteger(seed))
    throw new UsageError([
      `expected numbers and one of ${databaseStrategies.join(', ')}; got ${values.kills}, ${values.seed}, ${values.database}`,
    ]);
  printMachine();
  console.log(`settings: strategy ${strategy}, ${kills} kills, seed ${seed}`);
  return interruptMany(strategy, kills, seed);
});

async function interruptMany(strategy: DatabaseStrategy, kills: number, seed: number): Promise<number> {
  const random = new Random(seed);
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-kills-'));
  const server = await startPostgres({ dataDir: path.join(dir, 'postgres') });
  const cleanUp = async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      cleanUp().finally(() => process.exit(130));
    });
  try {
    const ghostPath = await ghostPathOf(undefined);
    const siteOf = (slug: string): NewSite => ({ slug, strategy, dir, server, ghostPath });
    const works = strategy === 'database' ? interruptedWorks : (['initialising'] as const);
    const lasts = new Map<InterruptedWork, number>();
    for (const work of works) lasts.set(work, await timeUndisturbed(siteOf(`undisturbed-${wordOf(work)}`), work));
    const whole = await readSiteShape(siteOf('undisturbed-initialising'));
    console.log(`undisturbed: ${describe(whole)}; ${[...lasts].map(([work, ms]) => `${work} ${ms} ms`).join(', ')}\n`);

    let failures = 0;
    const judge = (what: string, shape: SiteShape) => {
      const differences = differencesOf(shape, whole);
      if (differences.length > 0) failures += 1;
      console.log(`${what}: ${differences.length === 0 ? 'whole, serves' : `DIFFERS\n  ${differences.join('\n  ')}`}`);
    };
    for (const work of works)
      judge(`two at once, ${work}`, (await startTwins(siteOf(`twins-${wordOf(work)}`), work)).shape);
    for (let at = 1; at <= kills; at += 1) {
      const work = works[at % works.length] ?? 'initialising';
      const momentMs = random.integer(0, lasts.get(work) ?? 0);
      const orphans = work !== 'initialising' && random.chance(0.5);
      const { left, healedMs, shape } = await interruptFirstStart(siteOf(`killed-${at}`), { work, momentMs, orphans });
      const victim = orphans ? 'the process alone' : 'all';
      judge(
        `${at}/${kills} ${work}, ${victim} killed after ${momentMs} ms, left ${left}, healed in ${healedMs} ms`,
        shape,
      );
    }
    console.log(`\n${kills} kills, seed ${seed}, strategy ${strategy}: ${failures} failures`);
    return failures === 0 ? 0 : 1;
  } finally {
    await cleanUp();
  }
}

function wordOf(work: InterruptedWork): string {
  return work.split(' ')[0] ?? work;
}

function describe({ columns, indexes, constraints, rows }: SiteShape): string {
  return `${columns.length} columns, ${indexes.length} indexes, ${constraints.length} constraints, rows in ${Object.keys(rows).length} tables`;
}

/** What one database has and the other has not, a line each. */
function differencesOf(found: SiteShape, expected: SiteShape): string[] {
  const lists = (['columns', 'indexes', 'constraints'] as const).flatMap((part) => [
    ...expected[part].filter((line) => !found[part].includes(line)).map((line) => `missing ${line}`),
    ...found[part].filter((line) => !expected[part].includes(line)).map((line) => `too much ${line}`),
  ]);
  const tables = new Set([...Object.keys(found.rows), ...Object.keys(expected.rows)]);
  const rows = [...tables].filter((table) => !isDeepStrictEqual(found.rows[table], expected.rows[table]));
  return [
    ...lists,
    ...rows.map((table) => `rows of ${table}: expected ${expected.rows[table]}; got ${found.rows[table]}`),
  ];
}
