import { parseArgs } from 'node:util';
import { UsageError } from './command.ts';
import { exportSite } from './transfer/export-site.ts';
import { readSiteChoice, siteOptions, siteOptionsHelp } from './transfer/options.ts';
import { exitCodes, runTransferCommand } from './transfer/outcome.ts';
import { formatReport } from './transfer/progress.ts';
import { withSite } from './transfer/site.ts';

const usage = `usage: npm run site:export -- <slug> --to sqlite:<file> [--database sqlite|schema|database]

Writes a site of the fleet into a new SQLite file, on which an ordinary Ghost of the same version starts: every table,
verified by row counts and a checksum for each table. The site itself is only read. Images and themes stand in its
content folder (.local/sites/<slug> of a local fleet) and are copied as files.

  --to sqlite:<file>  must not exist
${siteOptionsHelp}

${exitCodes}`;

await runTransferCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { to: { type: 'string' }, ...siteOptions },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const file = /^sqlite:(.+)$/.exec(values.to ?? '')?.[1];
  if (file === undefined) throw new UsageError([`--to: expected sqlite:<file>; got ${values.to ?? 'none'}`]);
  const choice = readSiteChoice(values, positionals, process.env);
  const { report, from } = await withSite(choice, (site) => exportSite(site, file));
  console.log(formatReport(report));
  console.log(`${choice.slug}: exported from ${from} to ${file}`);
  return 0;
});
