import { parseArgs } from 'node:util';
import { unlessInterrupted } from '../../scripts/bench/interruption.ts';
import { readNumbers } from '../../scripts/bench/options.ts';
import { runCommand } from '../../scripts/command.ts';
import { temporaryDir } from '../support/site-process.ts';
import { runPlatformRound } from './platform/round.ts';

const usage = `usage: npm run kills:platform -- [--sites <n>] [--engine <n>] [--kills <n>] [--seed <n>] [--hurry] [--keep]

Creators ask the platform's API for sites, and all sites are visited for their numbers, while its two workers, PostgreSQL
and Redis are killed at random moments and come back. Workers, API, PostgreSQL, Redis, git, the sites' databases and the
queue are real. The sites of one shard are made by Pulumi on a Kubernetes API, each then a real Ghost that boots from what
the stack tells its container and answers before it counts as made; for the other shards a recorded engine makes each
site's database and registers it.

Exit code 0 only where each site was made exactly once (one job, commit, file, registration, audit line, subscription,
message) and every number of every day and creator is what the seed says.

  --sites <n>    default 200
  --engine <n>   of the sites, at least so many by Pulumi, at most 8 of their Ghosts alive at once; 0: none; default 10
  --kills <n>    default 30; two thirds of them while sites are made
  --seed <n>     of victims, moments and numbers (default: by the clock; printed)
  --hurry        dead workers' leases end at once, and sites that failed are visited at once, instead of after a minute
  --keep         leave the temporary folder`;

await runCommand(async () => {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const { values } = parseArgs({
    options: {
      sites: text('200'),
      engine: text('10'),
      kills: text('30'),
      seed: text(String(Date.now() % 1_000_000)),
      hurry: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const numbers = readNumbers({
    sites: { value: values.sites, min: 1, max: 999 },
    engine: { value: values.engine, min: 0, max: 999 },
    kills: { value: values.kills, min: 0, max: 1_000 },
    seed: { value: values.seed, min: 0, max: 2 ** 32 - 1 },
  });
  const { dir, remove } = await temporaryDir();
  if (values.keep) console.log(dir);
  try {
    const wrong = await unlessInterrupted(
      runPlatformRound({ ...numbers, hurry: values.hurry, dir, print: console.log }),
    );
    console.log(wrong.length === 0 ? 'every site made once, every number right' : `WRONG\n  ${wrong.join('\n  ')}`);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    if (!values.keep) await remove();
  }
});
