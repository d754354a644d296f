import { Random } from '../../../scripts/dataset/random.ts';

/** Something that is ended at a random moment, or a worker that stands still for longer than its leases. */
export type Kill =
  | { readonly victim: 'worker'; readonly at: number; readonly signal: 'SIGKILL' | 'SIGTERM' }
  | { readonly victim: 'worker'; readonly at: number; readonly signal: 'SIGSTOP'; readonly forMs: number }
  | { readonly victim: 'PostgreSQL'; readonly downMs: number }
  | { readonly victim: 'Redis'; readonly downMs: number };

export interface PlannedKill {
  /** After the one before was done. */
  readonly afterMs: number;
  readonly kill: Kill;
}

/** Draws what is killed and when. Each victim comes at least once in a handful. */
export function planKills(seed: number, count: number, workers: number, withRedis: boolean): PlannedKill[] {
  const random = new Random(seed);
  const draws: (() => Kill)[] = [
    () => ({ victim: 'worker', at: random.integer(0, workers - 1), signal: 'SIGKILL' }),
    () => ({ victim: 'worker', at: random.integer(0, workers - 1), signal: 'SIGTERM' }),
    () => ({ victim: 'PostgreSQL', downMs: random.integer(0, 1_500) }),
    ...(withRedis ? [(): Kill => ({ victim: 'Redis', downMs: random.integer(0, 1_500) })] : []),
    () => ({
      victim: 'worker',
      at: random.integer(0, workers - 1),
      signal: 'SIGSTOP',
      forMs: random.integer(1_500, 3_000),
    }),
  ];
  const kills: Kill[] = [];
  while (kills.length < count) kills.push(...random.shuffle(draws).map((draw) => draw()));
  return kills.slice(0, count).map((kill) => ({ afterMs: random.integer(100, 1_200), kill }));
}

export function describeKill(kill: Kill): string {
  if ('forMs' in kill) return `SIGSTOP to worker ${kill.at}, going on after ${kill.forMs} ms`;
  if (kill.victim === 'worker') return `${kill.signal} to worker ${kill.at}`;
  return `SIGKILL to ${kill.victim}, back after ${kill.downMs} ms`;
}
