import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand, UsageError } from '../../scripts/command.ts';
import { startMariadb } from '../../scripts/services/mariadb.ts';
import { startTestPostgres } from '../support/site-process.ts';
import { type Comparison, compare } from './compare.ts';
import { type Contestant, mariadbContestant, postgresContestant, sqliteContestant } from './contestants.ts';
import { createCorpus } from './corpus/index.ts';
import { explanations } from './explained.ts';
import { type Recording, record } from './record.ts';

const usage = `usage: npm run conformance -- [--ghost <version>] [--seed <n>] [--random <n>] [--only <database>,...]

Sends the same requests to unmodified Ghost on SQLite, MariaDB (the stand-in for MySQL 8) and PostgreSQL, both strategies,
and compares each answer with MariaDB's. Exit code 0 only without unexplained differences on PostgreSQL.

  --ghost <version>     a release of Ghost 6; default: the pinned one
  --seed <n>            of the data and of the random requests; default: by the clock, printed
  --random <n>          number of random requests; default 250
  --every <n>           ask only each n-th of the systematic filters and orders; default 1
  --only <names>        of sqlite, schema, database; default: all three; MariaDB always runs
  --grep <text>         print only differences of calls whose name or path contains it
  --report <file>       write every difference there, and what each Ghost logged`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      ghost: { type: 'string' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      random: { type: 'string', default: '250' },
      every: { type: 'string', default: '1' },
      only: { type: 'string', default: 'sqlite,schema,database' },
      grep: { type: 'string', default: '' },
      report: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const only = values.only.split(',');
  checkArguments(values, only);
  const [seed, random, every] = [Number(values.seed), Number(values.random), Number(values.every)];
  const ghostPath = installedGhost(values.ghost);
  const anchor = new Date(`${new Date().toISOString().slice(0, 10)}T00:00:00Z`);
  const calls = createCorpus({ seed, random, anchor, every });
  console.log(`seed ${seed}: ${calls.length} calls a database, ${random} of them random; ${path.basename(ghostPath)}`);

  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-conformance-'));
  const mariadb = await startMariadb({ dataDir: path.join(dir, 'mariadb-data') });
  const postgres = await startTestPostgres(dir);
  try {
    const place = { dir, ghostPath };
    const contestants: Contestant[] = [
      mariadbContestant(place, mariadb),
      ...(only.includes('sqlite') ? [sqliteContestant(place)] : []),
      ...(only.includes('schema') ? [postgresContestant(place, postgres, 'schema')] : []),
      ...(only.includes('database') ? [postgresContestant(place, postgres, 'database')] : []),
    ];
    const recordings: Recording[] = [];
    for (const contestant of contestants) {
      const onProgress = (answered: number) =>
        process.stderr.write(`\r${contestant.name}: ${answered} of ${calls.length} `);
      recordings.push(await record(contestant, { ghostPath, seed, anchor, calls, onProgress }));
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
    return conclude(comparisons);
  } finally {
    await Promise.all([mariadb.stop(), postgres.stop()]);
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function checkArguments(values: { seed: string; random: string; every: string }, only: readonly string[]): void {
  const problems: string[] = [];
  for (const name of ['seed', 'random', 'every'] as const) {
    if (!/^\d{1,9}$/.test(values[name]) || (name === 'every' && values[name] === '0'))
      problems.push(`--${name}: expected a whole number; got ${values[name]}`);
  }
  const unknown = only.filter((name) => !['sqlite', 'schema', 'database'].includes(name));
  if (unknown.length > 0) problems.push(`--only: expected sqlite, schema, database; got ${unknown.join(', ')}`);
  if (problems.length > 0) throw new UsageError(problems);
}

function installedGhost(version: string | undefined): string {
  if (version === undefined) return path.resolve('.tools/ghost');
  if (!/^6\.\d+\.\d+$/.test(version))
    throw new UsageError([`--ghost: expected a release of Ghost 6 such as 6.65.0; got ${version}`]);
  const ghostPath = path.resolve(`.tools/ghost-${version}`);
  if (!existsSync(ghostPath)) {
    const installed = spawnSync('sh', ['scripts/install-ghost.sh', version], { stdio: 'inherit' });
    if (installed.status !== 0) throw new UsageError([`--ghost: ${version} could not be installed`]);
  }
  return ghostPath;
}

function describe({ name, different, outdated }: Comparison, grep: string): string {
  const lines: string[] = [];
  for (const { call, lines: found, explanation } of different) {
    if (!`${call.name} ${call.path}`.includes(grep)) continue;
    const why = explanation === undefined ? 'UNEXPLAINED' : `explained: ${explanation.reason} (${explanation.manual})`;
    lines.push(`${name}: ${call.name}: ${call.method} ${decodeURIComponent(call.path)}: ${why}`);
    lines.push(
      ...found.slice(0, 8).map((line) => `    ${line}`),
      ...(found.length > 8 ? [`    … and ${found.length - 8} more`] : []),
    );
  }
  for (const { call, reason } of outdated) lines.push(`${name}: ${call}: the explanation no longer matches: ${reason}`);
  return lines.join('\n');
}

function conclude(comparisons: readonly Comparison[]): number {
  let unexplained = 0;
  const counts = comparisons.map(({ name, calls, equal, different, outdated }) => {
    const explained = different.filter(({ explanation }) => explanation !== undefined).length;
    if (name !== 'sqlite') unexplained += different.length - explained + outdated.length;
    return `${name}: ${calls} calls, ${equal} equal, ${different.length} different${name === 'sqlite' ? '' : ` (${explained} explained)`}`;
  });
  console.log(`${counts.join('; ')}; ${explanations.length} explanations; ${unexplained} unexplained on PostgreSQL`);
  return unexplained === 0 ? 0 : 1;
}

await runCommand(main);
