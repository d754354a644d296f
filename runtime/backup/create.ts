import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
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
import type { PostgresSettings, SiteConfig } from '../site/config.ts';
import { initialisingMarker } from '../site/migration/target.ts';
import { listContent } from './content.ts';
import {
  type BackupDatabase,
  type BackupFile,
  type BackupManifest,
  type BackupTable,
  backupId,
  formatManifest,
  keyOf,
  manifestFile,
} from './manifest.ts';
import { encodeRows } from './rows.ts';
import type { BackupStore } from './store.ts';

/** Tables that belong to a database and not to a site; what they say stands in the manifest. */
const ledgers = new Set(['migrations', 'migrations_lock']);

/**
 * Copies a site, which may go on serving: its database at one moment (SQLite by its backup API, PostgreSQL in one
 * read-only snapshot), then the files that people put into its content folder, then a manifest with the checksum of each.
 *
 * @throws TransferRefusedError for a site that is empty or migrating, SourceUnavailableError
 */
export async function createBackup(config: SiteConfig, store: BackupStore, now: Date): Promise<BackupManifest> {
  const { slug, database, contentPath } = config;
  const backup = { slug, id: backupId(now) };
  const files: BackupFile[] = [];
  const write: FileWriter = async (file, content) => {
    files.push({ path: file, ...(await writeChecked(store, keyOf(backup, file), content)) });
  };
  const copied = database.client === 'sqlite' ? await copySqlite(config, write) : await copyRows(database, write);
  // After the database: whatever it refers to was there when it was copied.
  for (const file of await listContent(contentPath)) {
    try {
      await write(`content/${file}`, createReadStream(path.join(contentPath, file)));
    } catch (error) {
      // Deleted since it was listed.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  const { version: ghostVersion } = await readRelease(config);
  const manifest: BackupManifest = { format: 1, ...backup, ghostVersion, database: copied, files };
  await store.write(keyOf(backup, manifestFile), Readable.from([Buffer.from(formatManifest(manifest))]));
  return manifest;
}

type FileWriter = (file: string, content: AsyncIterable<Uint8Array>) => Promise<void>;

async function writeChecked(
  store: BackupStore,
  key: string,
  content: AsyncIterable<Uint8Array>,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  async function* counted(): AsyncIterable<Uint8Array> {
    for await (const chunk of content) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      yield chunk;
    }
  }
  await store.write(key, counted());
  return { bytes, sha256: hash.digest('hex') };
}

async function copySqlite(config: SiteConfig, write: FileWriter): Promise<BackupDatabase> {
  const { database, ghostPath } = config;
  if (database.client !== 'sqlite') throw new Error('expected a site on SQLite');
  const label = `sqlite:${database.filename}`;
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
