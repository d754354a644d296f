import { createReadStream, existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type SqliteDatabase from 'better-sqlite3';
import { TableDigest } from '../database/transfer/digest.ts';
import { readRelease } from '../database/transfer/initialise.ts';
import { PostgresSource } from '../database/transfer/postgres-session.ts';
import { SourceUnavailableError, TransferRefusedError } from '../database/transfer/refusal.ts';
import { nameNewest } from '../site/backups/newest.ts';
import type { PostgresSettings, SiteConfig } from '../site/config.ts';
import type { FileStore } from '../site/media/file-store.ts';
import { S3Store } from '../site/media/s3-store.ts';
import { initialisingMarker } from '../site/migration/target.ts';
import { Checksum } from './checksum.ts';
import { listContent } from './content.ts';
import {
  type BackupDatabase,
  type BackupFile,
  type BackupManifest,
  type BackupTable,
  backupId,
  DamagedBackupError,
  formatManifest,
  keyOf,
  listBackups,
  manifestFile,
  readManifest,
} from './manifest.ts';
import { copyMedia, mediaUrl } from './media.ts';
import { encodeRows } from './rows.ts';
import { SharedFiles } from './shared-files.ts';

/** Tables that belong to a database and not to a site; what they say stands in the manifest. */
const ledgers = new Set(['migrations', 'migrations_lock']);

/**
 * Copies a site, which may go on serving: its database at one moment (SQLite by its backup API, PostgreSQL in one
 * read-only snapshot), then the files that people put into its content folder and its media bucket, then a manifest with
 * the checksum of each. A file that an earlier backup brought is not sent again.
 *
 * @throws TransferRefusedError for a site that is empty or migrating, SourceUnavailableError
 */
export async function createBackup(config: SiteConfig, store: FileStore, now: Date): Promise<BackupManifest> {
  const { slug, database, media, ghostPath } = config;
  const backups = await listBackups(store, slug);
  const backup = { slug, id: freeId(backups, now) };
  const files: BackupFile[] = [];
  const write: FileWriter = async (file, content) => {
    files.push({ path: file, ...(await writeChecked(store, keyOf(backup, file), content)) });
  };
  const copied = database.client === 'sqlite' ? await copySqlite(config, write) : await copyRows(database, write);
  // After the database: whatever it refers to was there when it was copied.
  const shared = await SharedFiles.open(store, slug);
  files.push(...(await copyContent(config, shared)));
  if (media !== undefined)
    files.push(...(await copyMedia(new S3Store(media, ghostPath), shared, await readNewest(store, slug, backups))));
  const { version: ghostVersion } = await readRelease(config);
  const place = media === undefined ? {} : { media: { url: mediaUrl(media) } };
  const manifest: BackupManifest = { format: 1, ...backup, ghostVersion, database: copied, ...place, files };
  await store.write(keyOf(backup, manifestFile), Readable.from([Buffer.from(formatManifest(manifest))]));
  await nameNewest(store, backup);
  return manifest;
}

/** A backup is never written over another, not even over one of the same second. */
function freeId(taken: readonly string[], now: Date): string {
  for (let moment = now; ; moment = new Date(moment.getTime() + 1_000)) {
    const id = backupId(moment);
    if (!taken.includes(id)) return id;
  }
}

type FileWriter = (file: string, content: AsyncIterable<Uint8Array>) => Promise<void>;

/** @returns undefined where there is none, or where what it says cannot be relied on */
async function readNewest(store: FileStore, slug: string, ids: readonly string[]): Promise<BackupManifest | undefined> {
  const id = ids.at(-1);
  if (id === undefined) return undefined;
  return readManifest(store, { slug, id }).catch((error: unknown) => {
    if (error instanceof DamagedBackupError) return undefined;
    throw error;
  });
}

async function copyContent({ contentPath }: SiteConfig, shared: SharedFiles): Promise<BackupFile[]> {
  const files: BackupFile[] = [];
  for (const name of await listContent(contentPath)) {
    const source = path.join(contentPath, name);
    try {
      files.push(await shared.add(`content/${name}`, source, async () => createReadStream(source)));
    } catch (error) {
      // Deleted since it was listed.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return files;
}

async function writeChecked(
  store: FileStore,
  key: string,
  content: AsyncIterable<Uint8Array>,
): Promise<{ bytes: number; sha256: string }> {
  const checksum = new Checksum();
  await store.write(key, checksum.of(content));
  return { bytes: checksum.bytes, sha256: checksum.sha256() };
}

async function copySqlite(config: SiteConfig, write: FileWriter): Promise<BackupDatabase> {
  const { database, ghostPath } = config;
  if (database.client !== 'sqlite') throw new Error('expected a site on SQLite');
  const label = `sqlite:${database.filename}`;
  if (!existsSync(database.filename)) refuseUnfinished(label, new Set(), () => false);
  const Database = createRequire(path.join(ghostPath, 'package.json'))('better-sqlite3') as typeof SqliteDatabase;
  // Beside the file, where there is room for another of its size.
  const copy = `${database.filename}.backup-${process.pid}`;
  let source: SqliteDatabase.Database | undefined;
  try {
    try {
      source = new Database(database.filename, { readonly: true, fileMustExist: true, timeout: 5_000 });
    } catch (error) {
      throw new SourceUnavailableError(label, (error as Error).message);
    }
    await source.backup(copy);
    const copied = new Database(copy, { readonly: true, fileMustExist: true });
    try {
      const names = copied.prepare("select name from sqlite_master where type = 'table'").pluck().all() as string[];
      refuseUnfinished(
        label,
        new Set(names),
        () => copied.prepare('select max(locked) from migrations_lock').pluck().get() === 1,
      );
      const found = copied.pragma('quick_check', { simple: true });
      if (found !== 'ok') throw new TransferRefusedError([`${label}: expected a sound file; SQLite says ${found}`]);
    } finally {
      copied.close();
    }
    const file = 'database/site.db.gz';
    await write(file, compress(createReadStream(copy)));
    return { kind: 'sqlite', file };
  } finally {
    source?.close();
    await rm(copy, { force: true });
  }
}

async function copyRows(settings: PostgresSettings, write: FileWriter): Promise<BackupDatabase> {
  const source = new PostgresSource(settings);
  await source.open();
  try {
    const all = await source.readTables();
    const provenance = new Set(all.map(({ name }) => name)).has('migrations_lock')
      ? await source.readProvenance()
      : { migrations: [], locked: false };
    refuseUnfinished(
      source.label,
      new Set(all.map(({ name }) => name)),
      () => 'locked' in provenance && provenance.locked,
    );
    const tables: BackupTable[] = [];
    for (const table of all.filter(({ name }) => !ledgers.has(name))) {
      const digest = new TableDigest();
      const file = `database/${table.name}.ndjson.gz`;
      await write(file, compress(Readable.from(encodeRows(source, table, digest), { objectMode: false })));
      tables.push({ ...table, file, rows: digest.rows, checksum: digest.checksum });
    }
    return { kind: 'rows', tables, migrations: 'migrations' in provenance ? provenance.migrations : [] };
  } finally {
    await source.close();
  }
}

function refuseUnfinished(label: string, tables: ReadonlySet<string>, isLocked: () => boolean): void {
  if (!tables.has('settings')) throw new TransferRefusedError([`${label}: expected a site; there is none yet`]);
  if (tables.has(initialisingMarker))
    throw new TransferRefusedError([`${label}: expected a complete site; its first start was interrupted`]);
  if (isLocked()) throw new TransferRefusedError([`${label}: expected a site that is not migrating; try again`]);
}

function compress(content: Readable): AsyncIterable<Uint8Array> {
  // An error of either stream ends whoever reads the second.
  return pipeline(content, createGzip(), () => undefined);
}
