import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { UsageError } from '../command.ts';
import { ghostPathOf } from '../fleet/ghost-release.ts';
import { mariadb, postgres, sqlite } from './database/contestants.ts';
import type { Amount } from './database/data.ts';
import { type Journey, journeys } from './database/journeys.ts';
import { enter, type Lane, leave } from './database/lane.ts';
import { measureRewriting } from './database/rewriting.ts';
import { stopWhenInterrupted } from './interruption.ts';
import { load, percentileOf } from './load.ts';
import { printTable, spreadOf } from './measure.ts';

const usage = `usage: npm run bench -- database [option ...]

Ghost on SQLite, MariaDB and PostgreSQL with the same data, asked the same in turns.

  --rounds <n>         slices of each database for each row; default 5
  --seconds <n>        of a slice of the slowest, about; default 2
  --users <n,...>      connections at once; default 1,16
  --only <text,...>    only rows whose name contains one of these
  --posts <n>          default 10000
  --members <n>        default 50000
  --seed <n>           of the data; default 1
  --prepared           PostgreSQL's connections keep statements prepared, as they may where no pooler stands before it`;

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly users: readonly number[];
  readonly journeys: readonly Journey[];
  readonly amount: Amount;
  readonly prepared: boolean;
}

interface Slice {
  readonly perSecond: number;
  readonly ghostMs: number;
  readonly databaseMs: number;
  readonly latenciesMs: readonly number[];
  readonly refused: readonly string[];
}

/**
 * Prints throughput and latency of Ghost on the three databases, and PostgreSQL's ratios to the two others. The slices of
 * a row take turns, one Ghost busy at a time; a ratio is the median of those of the rounds.
 */
export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (options === undefined) return console.log(usage);
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-bench-'));
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 5 });
  stopWhenInterrupted(remove);
  const lanes: Lane[] = [];
  try {
    const ghostPath = await ghostPathOf(undefined);
    for (const contestant of [sqlite, mariadb, postgres(options.prepared)])
      lanes.push(await enter(contestant, dir, ghostPath, options.amount));
    console.log(
      `data: ${options.amount.posts} posts, ${options.amount.members} members, seed ${options.amount.seed}; ${options.rounds} rounds in turn, ${options.seconds} s for the slowest`,
    );
    for (const { contestant, running } of lanes) console.log(`${contestant.name}: ${await running.settings()}`);
    const rows: (string | number)[][] = [];
    const costs: (string | number)[][] = [];
    const refusals: string[] = [];
    for (const journey of options.journeys) {
      for (const users of options.users) {
        const slices = await compare(lanes, journey, { users, rounds: options.rounds, seconds: options.seconds });
        rows.push([journey.name, users, ...describeRow(slices)]);
        costs.push([journey.name, users, ...describeCosts(slices)]);
        refusals.push(...describeRefusals(lanes, slices, `${journey.name}, ${users} at once`));
        console.error(`measured: ${journey.name}, ${users} at once`);
      }
    }
    printFigures(lanes, rows, costs);
    if (refusals.length > 0)
      console.log(`\nanswers with an error, which the figures leave out\n${refusals.join('\n')}`);
    printRewriting();
  } finally {
    for (const lane of lanes) await leave(lane);
    await remove();
  }
}

function readOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      users: { type: 'string', default: '1,16' },
      only: { type: 'string', default: '' },
      posts: { type: 'string', default: '10000' },
      members: { type: 'string', default: '50000' },
      seed: { type: 'string', default: '1' },
      prepared: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const problems: string[] = [];
  const whole = (name: string, text: string, least: number, most: number): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      problems.push(`--${name}: expected a whole number from ${least} to ${most}; got ${JSON.stringify(text)}`);
    return value;
  };
  const wanted = values.only.split(',').filter((text) => text !== '');
  const chosen = journeys.filter(({ name }) => wanted.length === 0 || wanted.some((text) => name.includes(text)));
  for (const text of wanted.filter((word) => !journeys.some(({ name }) => name.includes(word))))
    problems.push(
      `--only: expected part of one of ${journeys.map(({ name }) => `'${name}'`).join(', ')}; got '${text}'`,
    );
  const options = {
    rounds: whole('rounds', values.rounds, 1, 100),
    seconds: whole('seconds', values.seconds, 1, 600),
    users: values.users.split(',').map((text) => whole('users', text, 1, 64)),
    journeys: chosen,
    prepared: values.prepared,
    amount: {
      posts: whole('posts', values.posts, 600, 1_000_000),
      members: whole('members', values.members, 100, 10_000_000),
      seed: whole('seed', values.seed, 0, 2 ** 32 - 1),
    },
  };
  if (problems.length > 0) throw new UsageError(problems);
  return options;
}

/** @returns for each lane its slices, round by round */
async function compare(
  lanes: readonly Lane[],
  journey: Journey,
  options: { users: number; rounds: number; seconds: number },
): Promise<Slice[][]> {
  const slices: Slice[][] = lanes.map(() => []);
  // The first turn of each warms its caches, its pool and its compiled code, and does not count.
  const rates: number[] = [];
  for (const lane of lanes) {
    await measure(lane, journey, { users: options.users, amount: options.users * 4 });
    rates.push((await measure(lane, journey, { users: options.users, amount: options.users * 4 })).perSecond);
  }
  // The same work for each, as much as the slowest does in the time.
  const perUser = Math.max(2, Math.round((Math.min(...rates) * options.seconds) / options.users));
  const slice = { users: options.users, amount: perUser * options.users };
  for (let round = 0; round < options.rounds; round += 1) {
    for (let turn = 0; turn < lanes.length; turn += 1) {
      // Who begins changes, so that none always follows the same other.
      const at = (turn + round) % lanes.length;
      slices[at]?.push(await measure(lanes[at] as Lane, journey, slice));
    }
  }
  return slices;
}

async function measure(lane: Lane, journey: Journey, slice: { users: number; amount: number }): Promise<Slice> {
  const { site, running } = lane;
  const next = await journey.prepare(site, slice);
  const before = running.cpu();
  const figures = await load({
    port: site.port,
    headers: site[journey.as],
    status: journey.status,
    next,
    ...slice,
  }).catch((error: Error) => {
    throw new Error(`${journey.name} on ${lane.contestant.name}: ${error.message}\n${running.log()}`);
  });
  // What Ghost does after it has answered belongs to this slice too.
  await sleep(200);
  const after = running.cpu();
  return {
    perSecond: figures.requests / figures.seconds,
    ghostMs: ((after.ghost - before.ghost) * 1000) / figures.requests,
    databaseMs: ((after.database - before.database) * 1000) / figures.requests,
    latenciesMs: figures.latenciesMs,
    refused: figures.refused,
  };
}

function describeRow(slices: readonly (readonly Slice[])[]): number[] {
  const figures = slices.flatMap((own) => {
    const latencies = own.flatMap(({ latenciesMs }) => latenciesMs);
    const rate = spreadOf(own.map(({ perSecond }) => perSecond)).median;
    return [percentileOf(latencies, 0.5), percentileOf(latencies, 0.95), rate];
  });
  const [onSqlite = [], onMariadb = [], onPostgres = []] = slices;
  const ratio = (other: readonly Slice[]) =>
    spreadOf(onPostgres.map(({ perSecond }, at) => perSecond / (other[at]?.perSecond ?? Number.NaN))).median;
  return [...figures, ratio(onMariadb), ratio(onSqlite)];
}

function describeCosts(slices: readonly (readonly Slice[])[]): number[] {
  return slices.flatMap((own) => [
    spreadOf(own.map(({ ghostMs }) => ghostMs)).median,
    spreadOf(own.map(({ databaseMs }) => databaseMs)).median,
  ]);
}

/** Answers with an error: InnoDB gives some of the posts' editors a deadlock. */
function describeRefusals(lanes: readonly Lane[], slices: readonly (readonly Slice[])[], row: string): string[] {
  return lanes.flatMap(({ contestant }, at) => {
    const own = slices[at] ?? [];
    const refused = own.flatMap((slice) => slice.refused);
    const all = refused.length + own.reduce((sum, { latenciesMs }) => sum + latenciesMs.length, 0);
    return refused.length === 0
      ? []
      : [`${row}, ${contestant.name}: ${refused.length} of ${all}, first ${refused[0]?.slice(0, 200)}`];
  });
}

function printFigures(lanes: readonly Lane[], rows: (string | number)[][], costs: (string | number)[][]): void {
  const names = lanes.map(({ contestant }) => contestant.name);
  console.log('\nlatency in ms and requests a second; ratios of requests a second, above 1 PostgreSQL is faster');
  printTable(
    ['', 'at once', ...names.flatMap((name) => [`${name} p50`, 'p95', 'req/s']), 'PG/MariaDB', 'PG/SQLite'],
    rows,
  );
  console.log("\nprocessor time in ms a request, user and system: Ghost's and the database server's");
  printTable(['', 'at once', ...names.flatMap((name) => [`${name} Ghost`, 'server'])], costs);
}

function printRewriting(): void {
  const { seen, unseen } = measureRewriting();
  console.log('\nrewriting of a statement in microseconds, in the process of Ghost on PostgreSQL');
  printTable(
    ['', 'p50', 'p95'],
    [
      ['seen before', seen.p50, seen.p95],
      ['never seen', unseen.p50, unseen.p95],
    ],
  );
}
