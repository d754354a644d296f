import { openTarget } from '../site/backups/target.ts';
import { readSiteConfig } from '../site/config.ts';
import { readBackupArguments, usage } from './arguments.ts';
import { createBackup } from './create.ts';
import { describeBackup, describeRestore, exit, outcomeOf } from './outcome.ts';
import { readBackup, restoreBackup } from './restore.ts';
import { removeOldBackups } from './retention.ts';

async function main(args: readonly string[]): Promise<number> {
  const asked = readBackupArguments(args);
  if (asked === undefined) {
    console.log(usage);
    return exit.ok;
  }
  const config = readSiteConfig(process.env);
  const { slug } = config;
  const store = openTarget(asked.target, config, process.env);
  if (asked.command === 'backup') {
    const now = new Date();
    console.log(describeBackup(await createBackup(config, store, now), store.label));
    const { retentionDays } = asked;
    const removed = retentionDays === undefined ? [] : await removeOldBackups(store, slug, retentionDays, now);
    if (removed.length > 0) console.log(`${slug}: removed, older than ${retentionDays} days: ${removed.join(', ')}`);
    return exit.ok;
  }
  const manifest = await readBackup(store, asked.of ?? slug, asked.from);
  const result = await restoreBackup({ config, env: process.env }, store, manifest, () => undefined);
  console.log(describeRestore(result, slug));
  return exit.ok;
}

// As the first process of a container it would never hear of a signal that it does not ask for.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(exit.internal));
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { code, expected } = outcomeOf(error);
  console.error(expected ? (error as Error).message : error);
  process.exitCode = code;
}
// Ghost's modules may keep timers; the work is done.
process.exit();
