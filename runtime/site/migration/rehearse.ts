import { rm } from 'node:fs/promises';
import type { SiteConfig } from '../config.ts';
import { GhostPackage } from '../ghost.ts';
import type { Logger } from '../logger.ts';
import { createMigrationTarget, type MigrationReport, migrate, reportMigrations } from './migrate.ts';
import { copySqlite } from './sqlite-target.ts';

/**
 * Runs the missing migrations of a SQLite site on a copy of its file, which is removed afterwards; the site may be serving
 * meanwhile. A site on SQLite stops before its new release starts, so what fails there must have failed here.
 *
 * @returns what the site's own file lacks
 * @throws where a migration fails, or where the disk has no room for the copy (beside the file, `<file>.rehearsal`)
 */
export async function rehearseMigrations(config: SiteConfig, logger: Logger): Promise<MigrationReport> {
  if (config.database.client !== 'sqlite') {
    throw new Error(
      `migrate --rehearse: expected DATABASE_CLIENT sqlite; got ${config.database.client}, where only migrate itself tries`,
    );
  }
  const { filename } = config.database;
  const report = await inspect(config);
  if (report.state !== 'behind') return report;
  const copy = `${filename}.rehearsal`;
  // Ghost exports a site beside its files before it migrates; the copy is one.
  process.env.disableJSBackups = 'true';
  const remove = () => Promise.all(['', '-journal', '-wal', '-shm'].map((end) => rm(copy + end, { force: true })));
  await remove();
  try {
    await copySqlite(filename, copy, config.ghostPath);
    const rehearsal = { ...config, database: { ...config.database, filename: copy } };
    const target = createMigrationTarget(rehearsal);
    await target.connect();
    try {
      await migrate(target, new GhostPackage(rehearsal), logger);
    } finally {
      await target.close();
    }
  } finally {
    await Promise.all([remove(), rm(`${copy}.migration-lock`, { force: true })]);
  }
  return report;
}

async function inspect(config: SiteConfig): Promise<MigrationReport> {
  const target = createMigrationTarget(config);
  await target.connect();
  try {
    return await reportMigrations(target, new GhostPackage(config));
  } finally {
    await target.close();
  }
}
