import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlatformDatabase } from '../../../runtime/platform/database/connection.ts';
import { createQueue } from '../../../runtime/platform/queue/create-queue.ts';
import type { Queue } from '../../../runtime/platform/queue/queue.ts';
import { Random } from '../../../scripts/dataset/random.ts';
import { describeKill, drawKills, inflict } from '../plan.ts';
import { MortalServers } from '../servers.ts';
import { untilConnected } from '../until-connected.ts';
import { Workers } from '../workers.ts';
import { after, effects, long } from './jobs.ts';
import { startWorker } from './worker.ts';

export interface RoundSettings {
  readonly seed: number;
  readonly kills: number;
  readonly jobs: number;
  readonly withRedis: boolean;
  /** An empty folder. */
  readonly dir: string;
  print(line: string): void;
}

const workerCount = 3;

/** How long all may take after the last kill. */
const patienceMs = 90_000;

/**
 * Enqueues jobs while workers, PostgreSQL and Redis are killed and come back, waits until everything is quiet, and judges.
 *
 * @returns what is wrong in the end, a line each
 */
export async function runRound(settings: RoundSettings): Promise<string[]> {
  const { seed, kills, jobs, withRedis, dir, print } = settings;
  print(`seed ${seed}, ${kills} kills, ${jobs} jobs, ${withRedis ? 'BullMQ and Redis' : 'in process'}`);
  const servers = await MortalServers.start(dir, withRedis);
  const file = path.join(dir, 'outside.txt');
  const { redis } = servers;
  const workerSettings = { database: servers.database, redis: redis && addressOf(redis), file };
  const workers = new Workers(workerCount, () => startWorker(workerSettings));
  const database = new PlatformDatabase(servers.database);
  const queue = createQueue({ database, ...(redis === undefined ? {} : { redis: addressOf(redis) }) });
  try {
    const random = new Random(seed);
    const plan = drawKills(random, kills, workerCount, withRedis).map((kill) => ({
      kill,
      // After the one before was done.
      afterMs: random.integer(100, 1_200),
    }));
    const lastsMs = plan.reduce((sum, { afterMs }) => sum + afterMs, 0);
    const enqueued = enqueueAll(database, queue, jobs, lastsMs / jobs);
    const began = Date.now();
    for (const { afterMs, kill } of plan) {
      await sleep(afterMs);
      print(`${String(Date.now() - began).padStart(6)} ms  ${describeKill(kill)}`);
      await inflict(kill, workers, servers);
    }
    const acknowledged = await enqueued;
    print(`${String(Date.now() - began).padStart(6)} ms  all acknowledged`);
    await waitUntilQuiet(database);
    print(`${String(Date.now() - began).padStart(6)} ms  quiet; ${await describeRuns(database)}`);
    await workers.stop();
    return [...(await judge(database, acknowledged, file)), ...workers.crashes];
  } catch (error) {
    print(workers.said.slice(-20).join(''));
    throw error;
  } finally {
    await workers.stop();
    await queue.close();
    await database.close();
    await servers.stop();
  }
}

/** Enqueues each job until it is acknowledged: who is not answered asks again, under the same key. @returns ids by number */
async function enqueueAll(database: PlatformDatabase, queue: Queue, jobs: number, gapMs: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < jobs; n += 1) {
    const request = { payload: { n }, creatorId: null, key: `number ${n}` };
    ids[n] = (await untilConnected(() => database.asFleet((db) => queue.enqueue(db, long, request)))).id;
    await sleep(gapMs);
  }
  return ids;
}

async function waitUntilQuiet(database: PlatformDatabase): Promise<void> {
  const open = () =>
    database.asFleet(async (db) => (await db('jobs').whereIn('state', ['waiting', 'active'])) as { id: string }[]);
  for (const deadline = Date.now() + patienceMs; ; await sleep(200)) {
    const left = await open();
    if (left.length === 0) return;
    if (Date.now() > deadline) throw new Error(`not done in time: ${JSON.stringify(left.slice(0, 5), null, 1)}`);
  }
}

async function describeRuns(database: PlatformDatabase): Promise<string> {
  return database.asFleet(async (db) => {
    const row = await db('jobs').count('* as jobs').sum('fence as runs').max('fence as most').first();
    return `${row?.jobs} jobs in ${row?.runs} runs, at most ${row?.most} of one`;
  });
}

/** Every acknowledged job is there and done, and every effect in the database has happened once. */
async function judge(database: PlatformDatabase, ids: readonly string[], file: string): Promise<string[]> {
  const wrong: string[] = [];
  const outside = (await readFile(file, 'utf8')).trim().split('\n');
  await database.asFleet(async (db) => {
    const rows = new Map((await db('jobs').where({ kind: long.kind })).map((row) => [row.id as string, row]));
    const afterwards = (await db('jobs').where({ kind: after.kind, state: 'done' }).select('payload')) as {
      payload: { n: number };
    }[];
    const seen = await db('audit_log').where({ actor: 'kills' }).select('action', 'subject');
    if (rows.size !== ids.length) wrong.push(`expected ${ids.length} long jobs; got ${rows.size}`);
    for (const [n, id] of ids.entries()) {
      const row = rows.get(id);
      if (row === undefined) wrong.push(`job ${n} was acknowledged and is lost`);
      else if (row.state !== 'done') wrong.push(`job ${n} is ${row.state}: ${row.error}`);
      else if (row.result.n !== n || row.steps.length !== 3) wrong.push(`job ${n}: ${JSON.stringify(row)}`);
      for (const effect of effects) {
        const times = seen.filter(({ action, subject }) => action === effect && subject === String(n)).length;
        if (times !== 1) wrong.push(`job ${n}: the effect of ${effect} happened ${times} times`);
      }
      const follows = afterwards.filter(({ payload }) => payload.n === n).length;
      if (follows !== 1) wrong.push(`job ${n} is followed by ${follows} jobs`);
      if (!outside.includes(String(n))) wrong.push(`job ${n}: no effect outside`);
    }
  });
  return wrong;
}

function addressOf({ host, port, user, password }: NonNullable<MortalServers['redis']>) {
  return { host, port, user, password };
}
