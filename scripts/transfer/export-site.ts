import { existsSync } from 'node:fs';
import { link, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ChosenSite, readRelease, withInitialisedSite } from '../../runtime/database/transfer/initialise.ts';
import { compareVersions } from '../../runtime/database/transfer/plan.ts';
import { PostgresSource } from '../../runtime/database/transfer/postgres-session.ts';
import { TransferRefusedError } from '../../runtime/database/transfer/refusal.ts';
import { SqliteSource, SqliteTransferTarget } from '../../runtime/database/transfer/sqlite-session.ts';
import { type TransferReport, transferSite } from '../../runtime/database/transfer/transfer.ts';
import { readSiteConfig } from '../../runtime/site/config.ts';
import { showProgress } from './progress.ts';

/**
 * Writes a site into a new SQLite file, which appears under its name only when it is complete and verified. Its tables
 * are made by Ghost's own migrator, so that an ordinary Ghost of the same version starts on it.
 *
 * @throws TransferRefusedError where the file is there already
 */
export async function exportSite(
  { config }: ChosenSite,
  file: string,
): Promise<{ report: TransferReport; from: string }> {
  const filename = path.resolve(file);
  if (existsSync(filename)) throw new TransferRefusedError([`--to: expected no such file; ${file} exists`]);
  const { database, ghostPath } = config;
  const source =
    database.client === 'sqlite'
      ? new SqliteSource({ filename: database.filename, ghostPath })
      : new PostgresSource(database);
  const partial = `${filename}.partial-${process.pid}`;
  // The migrator wants a content folder; the site's own is not to be touched.
  const content = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-export-'));
  try {
    await source.open();
    const ghost = await readRelease(config);
    const problems = compareVersions(await source.readProvenance(), ghost);
    if (problems.length > 0) throw new TransferRefusedError(problems);
    const env = {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, TZ: 'UTC', NODE_ENV: 'production' },
      ...{ SITE_SLUG: config.slug, SITE_URL: config.url, GHOST_PATH: ghostPath },
      ...{ CONTENT_PATH: content, DATABASE_CLIENT: 'sqlite', DATABASE_FILENAME: partial },
    };
    const report = await withInitialisedSite({ env, config: readSiteConfig(env) }, async () => {
      const target = new SqliteTransferTarget({ filename: partial, ghostPath });
      try {
        await target.open();
        return await transferSite({ source, target, ghost, ghostPath, onProgress: showProgress() });
      } finally {
        await target.close();
      }
    });
    // Not a rename, which would take the place of a file that appeared meanwhile.
    await link(partial, filename);
    return { report, from: source.label };
  } finally {
    await source.close();
    for (const own of [partial, `${partial}.migration-lock`, content]) await rm(own, { recursive: true, force: true });
  }
}
