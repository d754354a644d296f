import { existsSync } from 'node:fs';
import path from 'node:path';
import type { TransferSource, TransferTarget } from '../../runtime/database/transfer/database.ts';
import { GhostExportSource } from '../../runtime/database/transfer/ghost-export.ts';
import { type ChosenSite, readRelease, withInitialisedSite } from '../../runtime/database/transfer/initialise.ts';
import { MysqlSource } from '../../runtime/database/transfer/mysql-source.ts';
import { compareVersions } from '../../runtime/database/transfer/plan.ts';
import { PostgresTransferTarget } from '../../runtime/database/transfer/postgres-session.ts';
import { TransferRefusedError } from '../../runtime/database/transfer/refusal.ts';
import { SqliteSource, SqliteTransferTarget } from '../../runtime/database/transfer/sqlite-session.ts';
import { type TransferReport, transferSite } from '../../runtime/database/transfer/transfer.ts';
import type { SiteConfig } from '../../runtime/site/config.ts';
import { copyContent } from './content.ts';
import { showProgress } from './progress.ts';
import type { SourceAddress } from './source-address.ts';

/** What an import did. */
export interface ImportResult {
  readonly report: TransferReport;
  readonly from: string;
  readonly to: string;
  readonly contentFiles: number;
  /** What the operator should know, a line each. */
  readonly notes: readonly string[];
}

/**
 * Moves a site from `address` into a fleet site that was never set up.
 *
 * @param contentFolder content folder of the source, whose files are copied first
 */
export async function importSite(
  site: ChosenSite,
  address: SourceAddress,
  contentFolder: string | undefined,
): Promise<ImportResult> {
  const { config } = site;
  const source = createSource(address, config);
  const target = createTarget(config);
  try {
    await source.open();
    const ghost = await readRelease(config);
    // Before anything is made for a source that cannot be taken.
    const problems = compareVersions(await source.readProvenance(), ghost);
    if (problems.length > 0) throw new TransferRefusedError(problems);
    const contentFiles = contentFolder === undefined ? 0 : await copyContent(contentFolder, config.contentPath);
    return await withInitialisedSite(site, async () => {
      await target.open();
      if (source instanceof GhostExportSource) await source.complete(target);
      const notes = await describeGaps(source, target, config);
      const { ghostPath } = config;
      const report = await transferSite({ source, target, ghost, ghostPath, onProgress: showProgress() });
      return { report, from: source.label, to: target.label, contentFiles, notes };
    });
  } finally {
    await source.close();
    await target.close();
  }
}

function createSource(address: SourceAddress, { ghostPath }: SiteConfig): TransferSource {
  switch (address.kind) {
    case 'mysql':
      return new MysqlSource(address.settings);
    case 'sqlite':
      return new SqliteSource({ filename: address.filename, ghostPath });
    case 'export':
      return new GhostExportSource(address.file);
  }
}

function createTarget({ database, ghostPath }: SiteConfig): TransferTarget {
  return database.client === 'sqlite'
    ? new SqliteTransferTarget({ filename: database.filename, ghostPath })
    : new PostgresTransferTarget(database);
}

/** What the source does not bring along, as far as it can be seen. */
async function describeGaps(source: TransferSource, target: TransferTarget, config: SiteConfig): Promise<string[]> {
  const notes: string[] = [];
  if (source instanceof GhostExportSource) {
    const carried = new Set(source.carried);
    const tables = (await target.readTables()).map(({ name }) => name);
    if (source.lacking.length > 0) notes.push(`the export leaves out ${source.lacking.join(', ')}: empty`);
    notes.push(
      `the export has rows of ${[...carried].sort().join(', ')}`,
      `it does not carry members, their subscriptions and events, comments, sent e-mails, integrations and webhooks, invites, sessions, links, recommendations, earlier revisions, secret settings, nor files: empty or the site's own are ${tables.filter((name) => !carried.has(name)).join(', ')}`,
    );
  }
  const settings = {
    table: 'settings',
    columns: [
      { name: 'key', kind: 'text' },
      { name: 'value', kind: 'text' },
    ],
  } as const;
  for await (const [key, value] of source.readRows(settings)) {
    if (key === 'active_theme' && !existsSync(path.join(config.contentPath, 'themes', String(value))))
      notes.push(`the active theme ${value} is not in ${path.join(config.contentPath, 'themes')}: copy it there`);
  }
  return notes;
}
