import type { Random } from '../../scripts/dataset/random.ts';
import type { MortalServers } from './servers.ts';
import type { Workers } from './workers.ts';

/** Something that is ended at a random moment, or a worker that stands still for a while. */
export type Kill =
  | { readonly victim: 'worker'; readonly at: number; readonly signal: 'SIGKILL' | 'SIGTERM' }
  | { readonly victim: 'worker'; readonly at: number; readonly signal: 'SIGSTOP'; readonly forMs: number }
  | { readonly victim: 'PostgreSQL'; readonly signal: 'SIGKILL' | 'SIGQUIT'; readonly downMs: number }
  | { readonly victim: 'Redis'; readonly isLost: boolean; readonly downMs: number };

/** Draws what is killed. Each victim comes at least once in a handful, Redis by turns with all that is in it. */
export function drawKills(random: Random, count: number, workers: number, withRedis: boolean): Kill[] {
  const worker = () => random.integer(0, workers - 1);
  const downMs = () => random.integer(0, 1_500);
  let redisKills = 0;
  const draws: (() => Kill)[] = [
    () => ({ victim: 'worker', at: worker(), signal: 'SIGKILL' }),
    () => ({ victim: 'worker', at: worker(), signal: 'SIGTERM' }),
    // The second is PostgreSQL's own immediate shutdown.
    () => ({ victim: 'PostgreSQL', signal: random.pick(['SIGKILL', 'SIGQUIT'] as const), downMs: downMs() }),
    ...(withRedis ? [(): Kill => ({ victim: 'Redis', isLost: redisKills++ % 2 === 0, downMs: downMs() })] : []),
    () => ({ victim: 'worker', at: worker(), signal: 'SIGSTOP', forMs: random.integer(1_500, 3_000) }),
  ];
  const kills: Kill[] = [];
  while (kills.length < count) kills.push(...random.shuffle(draws).map((draw) => draw()));
  return kills.slice(0, count);
}

export function describeKill(kill: Kill): string {
  switch (kill.victim) {
    case 'worker':
      return 'forMs' in kill
        ? `SIGSTOP to worker ${kill.at}, going on after ${kill.forMs} ms`
        : `${kill.signal} to worker ${kill.at}`;
    case 'PostgreSQL':
      return `${kill.signal} to PostgreSQL, back after ${kill.downMs} ms`;
    case 'Redis':
      return `SIGKILL to Redis, back after ${kill.downMs} ms ${kill.isLost ? 'without' : 'with'} its data`;
  }
}

/** Does it, and resolves when what comes back is back. */
export async function inflict(kill: Kill, workers: Workers, servers: MortalServers): Promise<void> {
  if (kill.victim === 'PostgreSQL') await servers.killPostgres(kill.signal, kill.downMs);
  else if (kill.victim === 'Redis') await servers.killRedis(kill.isLost, kill.downMs);
  else if (kill.signal === 'SIGSTOP') await workers.pause(kill.at, kill.forMs);
  else await workers.end(kill.at, kill.signal);
}
