import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../dataset/random.ts';
import { ghostPathOf } from '../../fleet/ghost-release.ts';
import { postgres } from '../database/contestants.ts';
import { enter, leave } from '../database/lane.ts';
import { percentileOf } from '../load.ts';
import type { Outcome, Projection } from './projection.ts';

const thinkSeconds = 10;
/** Longer than a measurement, so that nothing is given up that Ghost works on. */
const patienceMs = 120_000;
/** Files that a process opens beside its connections. */
const otherFiles = 500;

/**
 * Readers of one site on PostgreSQL: each reads a post, thinks from 5 to 15 seconds, reads the next. A connection stays
 * open as long as Ghost leaves it open (Node's 5 seconds) and is opened anew after that, as browsers do.
 */
export const concurrentUsers: Projection = {
  name: 'users',
  async measure({ dir, seconds }) {
    const lane = await enter(postgres(false), dir, await ghostPathOf(undefined), { posts: 600, members: 500, seed: 1 });
    try {
      const where = { type: 'post', status: 'published', visibility: 'public' };
      const slugs: string[] = await lane.site.knex('posts').where(where).orderBy('id').pluck('slug');
      const outcomes: Outcome[] = [];
      for (const users of [1_000, 10_000]) {
        const paths = slugs.map((slug) => `/${slug}/`);
        outcomes.push(
          ...(await measureUsers({ users, paths, seconds: Math.max(20, seconds * 4), port: lane.site.port })),
        );
      }
      return outcomes;
    } finally {
      await leave(lane);
    }
  },
};

interface Crowd {
  readonly users: number;
  readonly paths: readonly string[];
  readonly seconds: number;
  readonly port: number;
}

async function measureUsers(crowd: Crowd): Promise<Outcome[]> {
  const possible = openFilesLimit() - otherFiles;
  const users = Math.min(crowd.users, possible);
  if (users < crowd.users)
    console.log(`${crowd.users} users: this process may open ${possible} files; ${users} are sent`);
  const random = new Random(users);
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  const latencies: number[] = [];
  let failed = 0;
  let counting = false;
  const read = async (agent: Agent): Promise<void> => {
    const started = performance.now();
    const answered = await ask(crowd.port, random.pick(crowd.paths), agent, ending.signal).catch(() => false);
    if (!counting || ending.signal.aborted) return;
    if (answered) latencies.push(performance.now() - started);
    else failed += 1;
  };
  const visits = Array.from({ length: users }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    // They arrive over one time of thinking.
    await pause(random.next() * thinkSeconds, ending.signal);
    while (!ending.signal.aborted) {
      await read(agent);
      await pause((0.5 + random.next()) * thinkSeconds, ending.signal);
    }
    agent.destroy();
  });
  await sleep(thinkSeconds * 1000);
  counting = true;
  const started = performance.now();
  await sleep(crowd.seconds * 1000);
  const seconds = (performance.now() - started) / 1000;
  ending.abort();
  await Promise.all(visits);
  await settle(crowd);
  const level = `a post's page every ${thinkSeconds} s each, for ${crowd.seconds} s; ${failed} without an answer`;
  const projection = `${crowd.users} users of one site`;
  return [
    { projection, level, wanted: crowd.users / thinkSeconds, measured: latencies.length / seconds, unit: 'pages/s' },
    {
      projection,
      level: 'the same; 95 of 100',
      wanted: 1000,
      measured: latencies.length === 0 ? Number.POSITIVE_INFINITY : percentileOf(latencies, 0.95),
      unit: 'ms',
      least: true,
    },
  ];
}

/** Waits until Ghost is through with what was asked: one page within a second; half a minute at most. */
async function settle({ port, paths }: Crowd): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) {
    const started = performance.now();
    const answered = await ask(port, paths[0] ?? '/', new Agent(), AbortSignal.timeout(2_000)).catch(() => false);
    if (answered && performance.now() - started < 1000) return;
  }
}

function ask(port: number, path: string, agent: Agent, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const headers = { host: `localhost:${port}` };
    const given = { host: '127.0.0.1', port, path, agent, headers, timeout: patienceMs };
    const sent = get({ ...given, ...(signal === undefined ? {} : { signal }) }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
      response.once('error', reject);
    });
    sent.once('timeout', () => sent.destroy(new Error('no answer')));
    sent.once('error', (error: NodeJS.ErrnoException) => {
      // Ghost closed the connection while the request was on its way to it; a browser asks again, too.
      if (sent.reusedSocket && error.code === 'ECONNRESET') resolve(ask(port, path, agent, signal));
      else reject(error);
    });
  });
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
}

/** How many files this process may open; Node has raised its limit to the hard one. */
function openFilesLimit(): number {
  try {
    return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1_000);
  } catch {
    return 1_000;
  }
}
