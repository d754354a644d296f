import { parseArgs } from 'node:util';
import { unlessInterrupted } from '../../scripts/bench/interruption.ts';
import { runCommand, UsageError } from '../../scripts/command.ts';
import { temporaryDir } from '../support/site-process.ts';
import { runRound } from './queue/round.ts';

const usage = `usage: npm run kills:queue -- [--kills <n>] [--seed <n>] [--jobs <n>] [--backend redis|in-process|both]

Enqueues jobs of several steps while worker processes, PostgreSQL and Redis are killed at random moments and come back. Exit
code 0 only where every acknowledged job was done and every step's effect in the database happened exactly once.

  --kills <n>       for each backend (default 40)
  --seed <n>        of victims and moments (default: by the clock; printed)
  --jobs <n>        for each backend (default 200)
  --backend <b>     default both`;

const backends = ['redis', 'in-process'] as const;

await runCommand(async () => {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '40' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      jobs: { type: 'string', default: '200' },
      backend: { type: 'string', default: 'both' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [kills, seed, jobs] = [Number(values.kills), Number(values.seed), Number(values.jobs)];
  const chosen = backends.filter((backend) => values.backend === 'both' || values.backend === backend);
  if (chosen.length === 0 || ![kills, seed, jobs].every(Number.isSafeInteger) || jobs < 1)
    throw new UsageError([`expected numbers and one of redis, in-process, both; got ${JSON.stringify(values)}`]);
  let failures = 0;
  for (const backend of chosen) {
    const { dir, remove } = await temporaryDir();
    try {
      const wrong = await unlessInterrupted(
        runRound({ seed, kills, jobs, withRedis: backend === 'redis', dir, print: console.log }),
      );
      console.log(wrong.length === 0 ? 'every job done, every effect once\n' : `WRONG\n  ${wrong.join('\n  ')}\n`);
      failures += wrong.length;
    } finally {
      await remove();
    }
  }
  return failures === 0 ? 0 : 1;
});
