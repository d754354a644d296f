import { parseArgs } from 'node:util';
import { readRetention } from '../runtime/backup/arguments.ts';
import { createBackup } from '../runtime/backup/create.ts';
import { describeBackup } from '../runtime/backup/outcome.ts';
import { removeOldBackups } from '../runtime/backup/retention.ts';
import { openTarget } from '../runtime/site/backups/target.ts';
import { targetForms } from '../runtime/site/backups/target-form.ts';
import { withReadableSite } from './backup/readable-site.ts';
import { StateDir } from './fleet/state-dir.ts';
import { readSiteChoice, siteOptions, siteOptionsHelp } from './transfer/options.ts';
import { exitCodes, runTransferCommand } from './transfer/outcome.ts';

const usage = `usage: npm run site:backup -- <slug> [--target <place>] [--retention-days <n>] [--database sqlite|schema|database]

Copies a site, which may go on serving: its database at one moment, the files that people put into its content folder
and into its media bucket (S3_BUCKET), and a manifest with the checksum of each. What the CronJob of a site in a cluster does is the same.

  --target <place>    ${targetForms} (default: .local/backups);
                      S3_ENDPOINT, S3_REGION, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY say how a bucket is reached
  --retention-days    removes backups of the site that are older afterwards, never the newest
${siteOptionsHelp}

${exitCodes}`;

await runTransferCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { target: { type: 'string' }, 'retention-days': { type: 'string' }, ...siteOptions },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const days = readRetention(values['retention-days']);
  const choice = readSiteChoice(values, positionals, process.env);
  await withReadableSite(choice, async ({ config }) => {
    const store = openTarget(values.target ?? new StateDir(choice.stateDir).backups, config, process.env);
    const now = new Date();
    console.log(describeBackup(await createBackup(config, store, now), store.label));
    const removed = days === undefined ? [] : await removeOldBackups(store, choice.slug, days, now);
    if (removed.length > 0) console.log(`${choice.slug}: removed, older than ${days} days: ${removed.join(', ')}`);
  });
  return 0;
});
