import type { Call } from './call.ts';
import { Client } from './client.ts';
import type { Contestant } from './contestants.ts';
import { fillDatabase, nameGenerated } from './database.ts';
import { type NormalAnswer, normalise } from './normalise.ts';
import type { Receiver } from './receiver.ts';

export interface RecordOptions {
  readonly ghostPath: string;
  readonly seed: number;
  readonly anchor: Date;
  readonly calls: readonly Call[];
  /** Where the sites send their webhooks. */
  readonly receiver: Receiver;
  /** Called now and then with the number of calls that were answered. */
  readonly onProgress?: (answered: number) => void;
}

/** What one Ghost answered. */
export interface Recording {
  readonly name: string;
  readonly answers: ReadonlyMap<string, NormalAnswer>;
  /** Seconds that the calls took, one after the other. */
  readonly seconds: number;
  /** What Ghost logged: where a difference comes from is often said there. */
  readonly log: string;
}

/** Initialises Ghost on an empty database, fills it, and sends it every call in order. */
export async function record(contestant: Contestant, options: RecordOptions): Promise<Recording> {
  const since = new Date();
  const first = await contestant.start();
  await new Client(first.port, options.receiver).setUp();
  await first.stop();
  await contestant.afterFirstStart();
  const knex = contestant.connect();
  let names: Map<string, string>;
  let seeded: Set<string>;
  try {
    seeded = await fillDatabase(knex, options.ghostPath, { seed: options.seed, anchor: options.anchor });
    names = await nameGenerated(knex);
  } finally {
    await knex.destroy();
  }
  options.receiver.clear();
  const running = await contestant.start();
  try {
    const client = new Client(running.port, options.receiver);
    await client.signIn();
    const answers = new Map<string, NormalAnswer>();
    const started = performance.now();
    for (const call of options.calls) {
      answers.set(call.name, normalise(await client.call(call), { names, seeded, since }, call.unordered));
      if (answers.size % 100 === 0) options.onProgress?.(answers.size);
    }
    return { name: contestant.name, answers, seconds: (performance.now() - started) / 1000, log: running.output() };
  } finally {
    await running.stop();
  }
}
