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
const patienceMs = 30_000;
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
  const latencies: number[] = [];
  let failed = 0;
  let counting = false;
  const read = async (agent: Agent): Promise<void> => {
    const started = performance.now();
    const answered = await ask(crowd.port, random.pick(crowd.paths), agent).catch(() => false);
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
  const level = `a post's page every ${thinkSeconds} s each, for ${crowd.seconds} s; ${failed} without an answer in ${patienceMs / 1000} s`;
  const projection = `${crowd.users} users of one site`;
  return [
    { projection, level, wanted: crowd.users / thinkSeconds, measured: latencies.length / seconds, unit: 'pages/s' },
    {
      projection,
      level: 'the same; 95 of 100',
      wanted: 1000,
      measured: percentileOf(latencies, 0.95),
      unit: 'ms',
      least: true,
    },
  ];
}

function ask(port: number, path: string, agent: Agent): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const headers = { host: `localhost:${port}` };
    const sent = get({ host: '127.0.0.1', port, path, agent, headers, timeout: patienceMs }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
      response.once('error', reject);
    });
    sent.once('timeout', () => sent.destroy(new Error('no answer')));
    sent.once('error', reject);
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
