import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '../command.ts';
import { stopWhenInterrupted } from './interruption.ts';
import { printTable } from './measure.ts';
import { platformDatabase } from './projections/platform.ts';
import { postgresRows } from './projections/postgres-rows.ts';
import { factorOf, type Outcome, type Projection } from './projections/projection.ts';
import { redisOperations } from './projections/redis.ts';
import { sqliteRows } from './projections/sqlite-rows.ts';
import { concurrentUsers } from './projections/users.ts';

const projections: readonly Projection[] = [
  sqliteRows,
  postgresRows,
  concurrentUsers,
  platformDatabase,
  redisOperations,
];

const usage = `usage: npm run bench -- projections [option ...]

What the design expects of each part, on this machine: met, or by what factor not.

  --only <name,...>    of ${projections.map(({ name }) => name).join(', ')}; default: all
  --seconds <n>        of each measurement; default 5`;

/** Prints a row for each projection: how it was measured, what is wanted, what was measured, met or by what factor not. */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options === undefined) return console.log(usage);
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-projections-'));
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 5 });
  stopWhenInterrupted(remove);
  try {
    const outcomes: Outcome[] = [];
    for (const projection of options.projections) {
      const own = path.join(dir, projection.name);
      await mkdir(own);
      outcomes.push(...(await projection.measure({ dir: own, seconds: options.seconds })));
      console.error(`measured: ${projection.name}`);
    }
    printTable(['', 'measured as', 'wanted', 'measured', 'unit', ''], outcomes.map(describe));
  } finally {
    await remove();
  }
}

function describe(outcome: Outcome): (string | number)[] {
  const { projection, level, wanted, measured, unit, least } = outcome;
  const factor = factorOf(outcome);
  const verdict = factor >= 1 ? `met (${factor.toFixed(1)} ×)` : `not met: ${factor.toPrecision(2)} × of it`;
  return [projection, level, wanted, measured, `${unit}${least === true ? ' at most' : ''}`, verdict];
}

function readOptions(args: readonly string[]): { projections: readonly Projection[]; seconds: number } | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      seconds: { type: 'string', default: '5' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const problems: string[] = [];
  const wanted = values.only.split(',').filter((name) => name !== '');
  const known = projections.map(({ name }) => name);
  for (const name of wanted.filter((candidate) => !known.includes(candidate)))
    problems.push(`--only: expected one of ${known.join(', ')}; got ${JSON.stringify(name)}`);
  const seconds = Number(values.seconds);
  if (!/^\d+$/.test(values.seconds) || seconds < 1 || seconds > 600)
    problems.push(`--seconds: expected a whole number from 1 to 600; got ${JSON.stringify(values.seconds)}`);
  if (problems.length > 0) throw new UsageError(problems);
  return {
    projections: projections.filter(({ name }) => wanted.length === 0 || wanted.includes(name)),
    seconds,
  };
}
