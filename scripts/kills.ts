import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type DatabaseStrategy, databaseStrategies } from '../sites/naming.ts';
import { stopWhenInterrupted } from './bench/interruption.ts';
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
import { describeShape, differencesOf, readSiteShape, type SiteShape } from './kills/site-shape.ts';
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
  stopWhenInterrupted(cleanUp);
  try {
    const ghostPath = await ghostPathOf(undefined);
    const siteOf = (slug: string): NewSite => ({ slug, strategy, dir, server, ghostPath });
    const works = strategy === 'database' ? interruptedWorks : (['initialising'] as const);
    const lasts = new Map<InterruptedWork, number>();
    for (const work of works) lasts.set(work, await timeUndisturbed(siteOf(`undisturbed-${wordOf(work)}`), work));
    const whole = await readSiteShape(siteOf('undisturbed-initialising'));
    console.log(
      `undisturbed: ${describeShape(whole)}; ${[...lasts].map(([work, ms]) => `${work} ${ms} ms`).join(', ')}\n`,
    );

    let failures = 0;
    const judge = (what: string, shape: SiteShape) => {
      const differences = differencesOf(shape, whole);
      if (differences.length > 0) failures += 1;
      console.log(`${what}: ${differences.length === 0 ? 'whole, serves' : `DIFFERS\n  ${differences.join('\n  ')}`}`);
    };
    for (const work of works)
      judge(`two at once, ${work}`, (await startTwins(siteOf(`twins-${wordOf(work)}`), work)).shape);
    for (let done = 0, tries = 1; done < kills; tries += 1) {
      const work = works[done % works.length] ?? 'initialising';
      const momentMs = random.integer(0, lasts.get(work) ?? 0);
      const orphans = work !== 'initialising' && random.chance(0.5);
      const recovery = await interruptFirstStart(siteOf(`killed-${tries}`), { work, momentMs, orphans });
      const { interrupted, left, healedMs, shape } = recovery;
      // A machine that has become faster: later moments would only hit what is done.
      if (left.includes('whole')) lasts.set(work, momentMs);
      if (interrupted) done += 1;
      const victim = interrupted ? `${orphans ? 'it alone' : 'all'} killed` : 'done and not killed';
      const number = interrupted ? `${done}/${kills}` : 'not counted';
      judge(`${number} ${work}, ${victim} after ${momentMs} ms, left ${left}, healed in ${healedMs} ms`, shape);
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
