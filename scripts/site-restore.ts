import { parseArgs } from 'node:util';
import { describeRestore } from '../runtime/backup/outcome.ts';
import { readBackup, restoreBackup } from '../runtime/backup/restore.ts';
import { openTarget } from '../runtime/site/backups/target.ts';
import { targetForms } from '../runtime/site/backups/target-form.ts';
import { StateDir } from './fleet/state-dir.ts';
import { readSiteChoice, siteOptions, siteOptionsHelp } from './transfer/options.ts';
import { exitCodes, runTransferCommand } from './transfer/outcome.ts';
import { showProgress } from './transfer/progress.ts';
import { withSite } from './transfer/site.ts';

const usage = `usage: npm run site:restore -- <slug> [--from <backup>] [--as <slug>] [--target <place>]
                                        [--database sqlite|schema|database]

Puts a backup of a site into one that was never set up: every file is compared with its checksum before anything is
touched, the database is verified before it is committed, and nothing is ever overwritten. What was in a media bucket
comes to the bucket of this site (S3_BUCKET), and what posts say of it follows. The site must not be running,
and has to be of the backup's version of Ghost. Passwords and keys are those of the backup.

  --from <backup>     its id such as 20261125T031500Z (default: the newest)
  --as <slug>         another site than the one it was taken of
  --target <place>    where the backups are: ${targetForms} (default: .local/backups);
                      S3_ENDPOINT, S3_REGION, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY say how a bucket is reached
${siteOptionsHelp}

${exitCodes}`;

await runTransferCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { from: { type: 'string' }, as: { type: 'string' }, target: { type: 'string' }, ...siteOptions },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const backup = readSiteChoice(values, positionals, process.env);
  const choice = { ...backup, slug: values.as ?? backup.slug };
  await withSite(choice, async (site) => {
    const store = openTarget(values.target ?? new StateDir(choice.stateDir).backups, site.config, process.env);
    const manifest = await readBackup(store, backup.slug, values.from);
    console.log(describeRestore(await restoreBackup(site, store, manifest, showProgress()), choice.slug));
  });
  return 0;
});
