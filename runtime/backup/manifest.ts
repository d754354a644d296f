import { createHash } from 'node:crypto';
import type { AppliedMigration, Column } from '../database/transfer/database.ts';
import { backupIdPattern } from '../site/backups/newest.ts';
import type { FileStore } from '../site/media/file-store.ts';

/** A file of a backup. */
export interface BackupFile {
  /**
   * What it is: `database/site.db.gz`, `content/images/2026/11/train.jpg` of the content folder, or
   * `media/content/images/2026/11/train.jpg` of the media bucket, below the site's prefix.
   */
  readonly path: string;
  readonly bytes: number;
  /** Of what is stored, in hexadecimal digits. */
  readonly sha256: string;
  /** Of an object of the media bucket: as which a browser gets it. */
  readonly type?: string;
  /** Of an object of the media bucket: what the bucket said of it, so that the next backup knows it without reading. */
  readonly etag?: string;
}

/** A table whose rows are in a file. */
export interface BackupTable {
  readonly name: string;
  readonly key: readonly string[];
  readonly columns: readonly Column[];
  readonly file: string;
  readonly rows: number;
  /** As runtime/database/transfer/digest.ts has it. */
  readonly checksum: string;
}

/** `sqlite`: a file of SQLite's. `rows`: a file for each table, with what Ghost's ledger lists. */
export type BackupDatabase =
  | { readonly kind: 'sqlite'; readonly file: string }
  | {
      readonly kind: 'rows';
      readonly tables: readonly BackupTable[];
      readonly migrations: readonly AppliedMigration[];
    };

/** What a backup is and consists of. Written last: a backup without one is none. */
export interface BackupManifest {
  readonly format: 1;
  readonly slug: string;
  /** Moment of the backup, as it is part of the keys: `20261125T031500Z`. */
  readonly id: string;
  readonly ghostVersion: string;
  readonly database: BackupDatabase;
  /** Where the objects of the site's media bucket could be read, with a slash at the end; absent where it had none. */
  readonly media?: { readonly url: string };
  readonly files: readonly BackupFile[];
}

/** A backup is not what it says it is; a line a problem. */
export class DamagedBackupError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'DamagedBackupError';
    this.problems = problems;
  }
}

export function backupId(moment: Date): string {
  return `${moment.toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}Z`;
}

/** Key of a file that only one backup has: its manifest, and what is of its database. */
export function keyOf(backup: { readonly slug: string; readonly id: string }, file: string): string {
  return `${backup.slug}/${backup.id}/${file}`;
}

/** Where files of a site's content and media lie by their checksums: backups of the same file share it. */
export function sharedPrefix(slug: string): string {
  return `${slug}/files/`;
}

/** Key of any file that a manifest lists. */
export function keyOfFile(backup: { readonly slug: string; readonly id: string }, file: BackupFile): string {
  return /^(content|media)\//.test(file.path) ? `${sharedPrefix(backup.slug)}${file.sha256}` : keyOf(backup, file.path);
}

export const manifestFile = 'manifest.json';

/** Ids of a site's complete backups, the oldest first. */
export async function listBackups(store: FileStore, slug: string): Promise<string[]> {
  const files = await store.list(`${slug}/`);
  const ids = files.flatMap(({ key }) => {
    const [, id = '', ...file] = key.split('/');
    return backupIdPattern.test(id) && file.join('/') === manifestFile ? [id] : [];
  });
  return ids.sort();
}

/** @throws DamagedBackupError, MissingFileError */
export async function readManifest(
  store: FileStore,
  backup: { readonly slug: string; readonly id: string },
): Promise<BackupManifest> {
  const key = keyOf(backup, manifestFile);
  const chunks: Uint8Array[] = [];
  for await (const chunk of await store.read(key)) chunks.push(chunk);
  const manifest = parseManifest(Buffer.concat(chunks).toString('utf8'), key);
  if (manifest.slug !== backup.slug || manifest.id !== backup.id)
    throw new DamagedBackupError([
      `${key}: expected the manifest of ${backup.slug}/${backup.id}; got that of ${manifest.slug}/${manifest.id}`,
    ]);
  return manifest;
}

/** The text of a manifest, which carries a checksum of itself. */
export function formatManifest(manifest: BackupManifest): string {
  return JSON.stringify({ ...manifest, sha256: checksumOf(manifest) }, null, 1);
}

/**
 * @param key where the text stood, for messages
 * @throws DamagedBackupError
 */
export function parseManifest(text: string, key: string): BackupManifest {
  let parsed: BackupManifest & { sha256?: unknown };
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch (error) {
    throw new DamagedBackupError([`${key}: expected JSON; ${(error as Error).message.slice(0, 120)}`]);
  }
  if (typeof parsed !== 'object' || parsed === null) throw new DamagedBackupError([`${key}: expected a manifest`]);
  const { sha256, ...manifest } = parsed;
  if (manifest.format !== 1)
    throw new DamagedBackupError([`${key}: expected format 1; got ${JSON.stringify(manifest.format)}`]);
  const expected = checksumOf(manifest);
  if (sha256 !== expected)
    throw new DamagedBackupError([`${key}: expected to have the checksum that it carries; it has been changed`]);
  return manifest;
}

function checksumOf(manifest: BackupManifest): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}
