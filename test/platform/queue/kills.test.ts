import { expect, it } from 'vitest';
import { runRound } from '../../kills/queue/round.ts';
import { temporaryDir } from '../../support/site-process.ts';

// Tens of kills: npm run kills:queue
it.each([
  ['in process', false],
  ['BullMQ and Redis', true],
] as const)('every job is done once, %s, whatever is killed', async (_, withRedis) => {
  const { dir, remove } = await temporaryDir();
  const seed = Date.now() % 1_000_000;
  try {
    expect(await runRound({ seed, kills: 6, jobs: 40, withRedis, dir, print: console.log })).toEqual([]);
  } finally {
    await remove();
  }
});
