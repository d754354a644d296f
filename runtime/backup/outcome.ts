import { SourceUnavailableError, TransferRefusedError, VerificationError } from '../database/transfer/refusal.ts';
import { BackupTargetError } from '../site/backups/target.ts';
import { SiteConfigError } from '../site/config.ts';
import { DatabaseUnavailableError } from '../site/migration/migrate.ts';
import { DatabaseNotPreparedError } from '../site/migration/postgres-target.ts';
import { type BackupManifest, DamagedBackupError } from './manifest.ts';
import type { RestoreResult } from './restore.ts';

/** Exit codes of what moves a site, as sysexits has the larger ones. */
export const exit = { ok: 0, refused: 1, unavailable: 69, internal: 70, configuration: 78 } as const;

/** How an error ends a command, and whether its message says enough without a stack. */
export function outcomeOf(error: unknown): { readonly code: number; readonly expected: boolean } {
  if (error instanceof TransferRefusedError || error instanceof DamagedBackupError)
    return { code: exit.refused, expected: true };
  if (error instanceof SourceUnavailableError || error instanceof DatabaseUnavailableError)
    return { code: exit.unavailable, expected: true };
  if (
    error instanceof SiteConfigError ||
    error instanceof DatabaseNotPreparedError ||
    error instanceof BackupTargetError ||
    ((error as NodeJS.ErrnoException).code ?? '').startsWith('ERR_PARSE_ARGS')
  )
    return { code: exit.configuration, expected: true };
  return { code: exit.internal, expected: error instanceof VerificationError };
}

export function describeBackup(manifest: BackupManifest, label: string): string {
  const { slug, id, files, ghostVersion } = manifest;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const count = (folder: string) => files.filter(({ path }) => path.startsWith(folder)).length;
  const media = manifest.media === undefined ? '' : ` and ${count('media/')} objects of its bucket`;
  return `${slug}: backup ${id} of Ghost ${ghostVersion} in ${label}: database and ${count('content/')} files${media}, ${bytes} bytes`;
}

export function describeRestore({ manifest, report, contentFiles, mediaFiles }: RestoreResult, slug: string): string {
  const rows = report.tables.reduce((sum, table) => sum + table.rows, 0);
  const filled = report.tables.filter((table) => table.rows > 0).length;
  const media = manifest.media === undefined ? '' : `, ${mediaFiles} objects`;
  return [
    ...report.changes,
    `${slug}: restored from ${manifest.slug}/${manifest.id}: ${rows} rows of ${filled} tables, verified, and ${contentFiles} files${media}`,
  ].join('\n');
}
