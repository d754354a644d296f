import type { QueueLog } from './queue-log.ts';

/** Something that is done again and again. */
export interface Poll {
  /** Does it no more. Resolves when it is not being done either. */
  stop(): Promise<void>;
}

/** Does `work` at once and then every `intervalMs`, never twice at a time. Says the first of several failures in a row. */
export function startPoll(intervalMs: number, log: QueueLog, work: () => Promise<unknown>): Poll {
  let current: Promise<void> | undefined;
  let failing = false;
  const once = async () => {
    try {
      await work();
      failing = false;
    } catch (error) {
      if (!failing) log('queue: the database could not be asked; going on', error);
      failing = true;
    } finally {
      current = undefined;
    }
  };
  const tick = () => {
    current ??= once();
  };
  const timer = setInterval(tick, intervalMs);
  tick();
  return {
    stop: async () => {
      clearInterval(timer);
      await current;
    },
  };
}
