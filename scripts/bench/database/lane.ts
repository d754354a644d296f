import path from 'node:path';
import { stopWhenInterrupted } from '../interruption.ts';
import type { Contestant, RunningContestant } from './contestants.ts';
import { type Amount, copyFromCache, fillDatabase } from './data.ts';
import { BenchSite } from './site.ts';

/** A contestant that serves. */
export interface Lane {
  readonly contestant: Contestant;
  readonly running: RunningContestant;
  readonly site: BenchSite;
}

/** Starts a contestant on a copy of its filled database. */
export async function enter(contestant: Contestant, dir: string, ghostPath: string, amount: Amount): Promise<Lane> {
  const own = path.join(dir, contestant.name.toLowerCase());
  const inputs = {
    name: contestant.name.toLowerCase(),
    files: ['scripts/dataset', 'scripts/bench/database/data.ts', 'runtime/site/ghost.json', ...contestant.madeBy],
    texts: [JSON.stringify(amount)],
  };
  await copyFromCache(own, inputs, async (making) => {
    console.error(`filling ${contestant.name}, once for this data`);
    const running = await contestant.start(making, ghostPath);
    const forget = stopWhenInterrupted(() => running.stop());
    const knex = running.connect();
    try {
      await new BenchSite(running.port, knex).setUp();
      await contestant.prepare?.(running);
      await fillDatabase(knex, ghostPath, amount);
      await contestant.settle(knex);
    } finally {
      await knex.destroy();
      await running.stop();
      forget();
    }
  });
  const running = await contestant.start(own, ghostPath);
  const lane = { contestant, running, site: new BenchSite(running.port, running.connect()) };
  stopWhenInterrupted(() => running.stop());
  try {
    await lane.site.signIn();
  } catch (error) {
    await leave(lane);
    throw error;
  }
  return lane;
}

/** Stops what {@link enter} started. */
export async function leave({ site, running }: Lane): Promise<void> {
  await site.knex.destroy();
  await running.stop();
}
