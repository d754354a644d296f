import { Random } from '../../../scripts/dataset/random.ts';

/** Something that is ended at a random moment. */
export type Kill =
  | { readonly victim: 'worker'; readonly at: number; readonly signal: 'SIGKILL' | 'SIGTERM' }
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
    () => ({ victim: 'worker', at: random.integer(0, workers - 1), signal: 'SIGKILL' }),
  ];
  const kills: Kill[] = [];
  while (kills.length < count) kills.push(...random.shuffle(draws).map((draw) => draw()));
  return kills.slice(0, count).map((kill) => ({ afterMs: random.integer(100, 1_200), kill }));
}

export function describeKill(kill: Kill): string {
  if (kill.victim === 'worker') return `${kill.signal} to worker ${kill.at}`;
  return `SIGKILL to ${kill.victim}, back after ${kill.downMs} ms`;
}
