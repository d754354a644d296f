import type { Call } from '../call.ts';
import { editing, memberChanges, wholesale } from './changes.ts';
import { everyField, everyOrder, randomRequests } from './filters.ts';
import { memberSession } from './members.ts';
import { adminReads, publicReads } from './reads.ts';
import { webhooks } from './webhooks.ts';

export interface CorpusOptions {
  readonly seed: number;
  /** Number of random requests. */
  readonly random: number;
  /** Instants of the dataset lie in the days before this one. */
  readonly anchor: Date;
  /** Of the systematic filters and orders only each `every`-th is asked. @default 1 */
  readonly every?: number;
}

/** All calls in the order in which they are sent: what only reads first, the wipe last. */
export function createCorpus({ seed, random, anchor, every = 1 }: CorpusOptions): Call[] {
  const sampled = [...everyField(anchor), ...everyOrder()].filter((_, at) => at % every === seed % every);
  return [
    ...adminReads(anchor),
    ...publicReads(),
    ...sampled,
    ...randomRequests(seed, random, anchor),
    ...memberSession(),
    ...editing(),
    ...memberChanges(),
    ...webhooks(),
    ...wholesale(),
  ];
}
