import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand, UsageError } from '../../scripts/command.ts';
import { ghostPathOf } from '../../scripts/fleet/ghost-release.ts';
import { startMariadb } from '../../scripts/services/mariadb.ts';
import { startPostgres } from '../../scripts/services/postgres.ts';
import { type PostgresMajor, postgresBinDir, postgresMajors } from '../../scripts/services/postgres-releases.ts';
import { compare } from './compare.ts';
import { type Contestant, mariadbContestant, postgresContestant, sqliteContestant } from './contestants.ts';
import { createCorpus } from './corpus/index.ts';
import { startReceiver } from './receiver.ts';
import { type Recording, record } from './record.ts';
import { countsOf, describe, unexplained, writeFigures } from './report.ts';

const usage = `usage: npm run conformance -- [--ghost <version>] [--seed <n>] [--random <n>] [--postgres <major>] …

Sends the same requests to unmodified Ghost on SQLite, MariaDB (the stand-in for MySQL 8) and PostgreSQL (a schema, a
database, a database behind PgBouncer in transaction mode), and compares each answer with MariaDB's. Exit code 0 only
without unexplained differences on PostgreSQL.

  --ghost <version>     a release of Ghost 6; default: the pinned one
  --postgres <major>    15, 16, 17 or 18; default 18
  --seed <n>            of the data and of the random requests; default: by the clock, printed
  --random <n>          number of random requests; default 250
  --every <n>           ask only each n-th of the systematic filters and orders; default 1
  --only <names>        of sqlite, schema, database, pooler; default: all; MariaDB always runs
  --grep <text>         print only differences of calls whose name or path contains it
  --report <file>       write every difference there, and what each Ghost logged
  --write               write the figures into README.md (whole runs only)`;

const kinds = ['sqlite', 'schema', 'database', 'pooler'] as const;

interface Settings {
  readonly ghost: string | undefined;
  readonly postgres: PostgresMajor;
  readonly seed: number;
  readonly random: number;
  readonly every: number;
  readonly only: readonly (typeof kinds)[number][];
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      ghost: { type: 'string' },
      postgres: { type: 'string', default: '18' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      random: { type: 'string', default: '250' },
      every: { type: 'string', default: '1' },
      only: { type: 'string', default: kinds.join(',') },
      grep: { type: 'string', default: '' },
      report: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const settings = readSettings(values);
  const { seed, random, every, only, postgres: major } = settings;
  const ghostPath = path.resolve(await ghostPathOf(settings.ghost));
  const anchor = new Date(`${new Date().toISOString().slice(0, 10)}T00:00:00Z`);
  const calls = createCorpus({ seed, random, anchor, every });
  const { version } = JSON.parse(await readFile(path.join(ghostPath, 'package.json'), 'utf8')) as { version: string };
  const title = `Ghost ${version}, PostgreSQL ${major}, seed ${seed}: ${calls.length} calls a database, ${random} of them random`;
  console.log(title);

  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-conformance-'));
  const mariadb = await startMariadb({ dataDir: path.join(dir, 'mariadb-data') });
  const postgres = await startPostgres({ dataDir: path.join(dir, 'postgres'), binDir: await postgresBinDir(major) });
  const receiver = await startReceiver();
  try {
    const place = { dir, ghostPath };
    const contestants: Contestant[] = [mariadbContestant(place, mariadb)];
    for (const kind of kinds.filter((name) => only.includes(name)))
      contestants.push(kind === 'sqlite' ? sqliteContestant(place) : postgresContestant(place, postgres, kind));
    const recordings: Recording[] = [];
    for (const contestant of contestants) {
      const onProgress = (answered: number) =>
        process.stderr.write(`\r${contestant.name}: ${answered} of ${calls.length} `);
      recordings.push(await record(contestant, { ghostPath, seed, anchor, calls, receiver, onProgress }));
      process.stderr.write('\n');
    }
    const [reference, ...others] = recordings as [Recording, ...Recording[]];
    const comparisons = others.map((recording) => compare(calls, reference, recording));
    if (values.report !== undefined) {
      const logs = recordings.map(({ name, log }) => `\n== log of ${name}\n${log}`);
      await writeFile(values.report, [...comparisons.map((one) => describe(one, '')), ...logs].join('\n'));
    }
    for (const comparison of comparisons.filter(({ name }) => name !== 'sqlite'))
      console.log(describe(comparison, values.grep));
    if (values.write) await writeFigures('README.md', title, comparisons);
    console.log(countsOf(comparisons));
    return unexplained(comparisons) === 0 ? 0 : 1;
  } finally {
    await Promise.all([receiver.stop(), mariadb.stop(), postgres.stop()]);
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function readSettings(values: {
  ghost?: string | undefined;
  postgres: string;
  seed: string;
  random: string;
  every: string;
  only: string;
  write: boolean;
}): Settings {
  const problems: string[] = [];
  if (values.ghost !== undefined && !/^6\.\d+\.\d+$/.test(values.ghost))
    problems.push(`--ghost: expected a release of Ghost 6 such as 6.65.0; got ${values.ghost}`);
  const postgres = postgresMajors.find((major) => String(major) === values.postgres);
  if (postgres === undefined)
    problems.push(`--postgres: expected ${postgresMajors.join(', ')}; got ${values.postgres}`);
  for (const name of ['seed', 'random', 'every'] as const) {
    if (!/^\d{1,9}$/.test(values[name]) || (name === 'every' && Number(values[name]) === 0))
      problems.push(`--${name}: expected a whole number; got ${values[name]}`);
  }
  const names = values.only.split(',');
  const only = kinds.filter((kind) => names.includes(kind));
  const unknown = names.filter((name) => !kinds.some((kind) => kind === name));
  if (unknown.length > 0) problems.push(`--only: expected ${kinds.join(', ')}; got ${unknown.join(', ')}`);
  if (values.write && (only.length < kinds.length || values.every !== '1'))
    problems.push('--write: expected a whole run, without --only and --every');
  if (postgres === undefined || problems.length > 0) throw new UsageError(problems);
  const [seed, random, every] = [Number(values.seed), Number(values.random), Number(values.every)];
  return { ghost: values.ghost, postgres, seed, random, every, only };
}

await runCommand(main);
