import { parseArgs } from 'node:util';
import { importSite } from './transfer/import-site.ts';
import { readSiteChoice, siteOptions, siteOptionsHelp } from './transfer/options.ts';
import { exitCodes, runTransferCommand } from './transfer/outcome.ts';
import { formatReport } from './transfer/progress.ts';
import { withSite } from './transfer/site.ts';
import { readSourceAddress } from './transfer/source-address.ts';

const usage = `usage: npm run site:import -- <slug> --from <source> [--content <folder>] [--database sqlite|schema|database]

Moves an existing Ghost site of the same version into a site of the fleet that was never set up: every table, in one
transaction, verified by row counts and a checksum for each table. Nothing else is ever overwritten. Stop both sites
first; what is written to the source after the beginning is not moved. The site's address comes from its YAML.

  --from <source>     mysql://<user>:<password>@<host>[:<port>]/<database>[?ssl=require|verify][&socket=<path>] (MariaDB too)
                      sqlite:<file>
                      <file>.json, an export of Ghost Admin. It carries posts, pages, tags, staff, tiers, offers,
                      newsletters, snippets and settings. It does NOT carry members, their subscriptions and events,
                      comments, sent e-mails, integrations and webhooks, invites, sessions, links, recommendations,
                      earlier revisions, nor secret settings (keys, Stripe's). Rows keep their ids and staff their
                      passwords, which Ghost's own importer would replace.
  --from-file <file>  reads the source from a file. Everybody on this machine can see arguments of a command, and the
                      shell keeps them: give a source with a password here or in SITE_IMPORT_FROM
  SITE_IMPORT_FROM    the source, in the environment
  --content <folder>  copies images, media, files, themes and settings from there; a different file is never overwritten
${siteOptionsHelp}

${exitCodes}`;

await runTransferCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      from: { type: 'string' },
      'from-file': { type: 'string' },
      content: { type: 'string' },
      ...siteOptions,
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const address = readSourceAddress({ from: values.from, fromFile: values['from-file'] }, process.env);
  if (values.from !== undefined && address.kind === 'mysql' && address.settings.password !== '')
    console.error(
      '--from: a password among the arguments can be seen by everybody on this machine; --from-file hides it',
    );
  const choice = readSiteChoice(values, positionals, process.env);
  const result = await withSite(choice, (site) => importSite(site, address, values.content));
  if (values.content !== undefined) console.log(`${result.contentFiles} files copied from ${values.content}`);
  for (const note of result.notes) console.log(note);
  console.log(formatReport(result.report));
  console.log(`${choice.slug}: imported from ${result.from} into ${result.to}`);
  return 0;
});
