import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { link, mkdir, rm, unlink } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { TransferSource, TransferTarget } from '../database/transfer/database.ts';
import { findUse } from '../database/transfer/emptiness.ts';
import { type ChosenSite, readRelease, withInitialisedSite } from '../database/transfer/initialise.ts';
import { compareVersions } from '../database/transfer/plan.ts';
import { PostgresTransferTarget } from '../database/transfer/postgres-session.ts';
import { TransferRefusedError } from '../database/transfer/refusal.ts';
import { SqliteSource, SqliteTransferTarget } from '../database/transfer/sqlite-session.ts';
import { type TransferProgress, type TransferReport, transferSite } from '../database/transfer/transfer.ts';
import type { SiteConfig } from '../site/config.ts';
import { type FileStore, MissingFileError } from '../site/media/file-store.ts';
import { S3Store } from '../site/media/s3-store.ts';
import { Checksum, checksumOf } from './checksum.ts';
import { isContent } from './content.ts';
import {
  type BackupFile,
  type BackupManifest,
  DamagedBackupError,
  keyOfFile,
  listBackups,
  manifestFile,
  readManifest,
} from './manifest.ts';
import { MediaTarget, mediaUrl } from './media.ts';
import { RelocatedSource } from './relocated-source.ts';
import { RowsSource } from './rows.ts';

/** What a restore did. */
export interface RestoreResult {
  readonly manifest: BackupManifest;
  readonly report: TransferReport;
  readonly contentFiles: number;
  /** Objects that came back to the media bucket. */
  readonly mediaFiles: number;
}

/**
 * Reads the manifest of one of a site's backups.
 *
 * @param id undefined for the newest
 * @throws TransferRefusedError where there is none, DamagedBackupError
 */
export async function readBackup(store: FileStore, slug: string, id: string | undefined): Promise<BackupManifest> {
  const ids = await listBackups(store, slug);
  const chosen = id ?? ids.at(-1);
  if (chosen === undefined || !ids.includes(chosen))
    throw new TransferRefusedError([
      `${store.label}: expected a backup of ${slug}${id === undefined ? '' : ` called ${id}`}; got ${ids.join(', ') || 'none'}`,
    ]);
  return readManifest(store, { slug, id: chosen });
}

/**
 * Puts a backup into a site that was never set up, under whatever slug: every file is fetched and compared with its
 * checksum first; then the files of the content folder and of the media bucket are put in place, and the database in one
 * transaction that is verified before it is committed. A site that people have used, or another file in the place of one,
 * is refused as it is. Where the media are another site's from then on, so are the addresses of them in the database.
 *
 * @throws TransferRefusedError, DamagedBackupError, VerificationError
 */
export async function restoreBackup(
  site: ChosenSite,
  store: FileStore,
  manifest: BackupManifest,
  onProgress: TransferProgress,
): Promise<RestoreResult> {
  const { config } = site;
  const { contentPath, ghostPath } = config;
  // On the same disk as the content, so that files need no second copy.
  const staging = path.join(contentPath, 'data', `.restore-${process.pid}`);
  try {
    await mkdir(staging, { recursive: true, mode: 0o700 });
    refuseOtherPlace(manifest, config);
    await fetchFiles(store, manifest, staging);
    const source = await openSource(manifest, staging, config);
    const target = createTarget(config);
    const media =
      config.media === undefined ? undefined : new MediaTarget(new S3Store(config.media, ghostPath), manifest);
    try {
      const ghost = await readRelease(config);
      const problems = compareVersions(await source.readProvenance(), ghost);
      if (problems.length > 0) throw new TransferRefusedError(problems);
      return await withInitialisedSite(site, async () => {
        await target.open();
        const use = await findUse(target, await target.readTables(), ghostPath);
        const content = manifest.files.filter((file) => file.path.startsWith('content/'));
        const different = [...(await findDifferent(content, contentPath)), ...((await media?.findDifferent()) ?? [])];
        if (use.length + different.length > 0)
          throw new TransferRefusedError([
            `${config.slug}: expected a site that was never set up; nothing is ever overwritten`,
            ...use,
            ...different,
          ]);
        const contentFiles = await placeContent(content, staging, contentPath);
        const mediaFiles = (await media?.place(store)) ?? 0;
        const report = await transferSite({ source, target, ghost, ghostPath, onProgress });
        return { manifest, report, contentFiles, mediaFiles };
      });
    } finally {
      await source.close();
      await target.close();
    }
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What one site has in a bucket and another in its content folder is served in different ways. */
function refuseOtherPlace(manifest: BackupManifest, { slug, media }: SiteConfig): void {
  const inFolder = manifest.files.some(({ path: file }) => /^content\/(?!themes\/)/.test(file));
  if (manifest.media !== undefined && media === undefined)
    throw new TransferRefusedError([
      `${slug}: expected media in a bucket (S3_BUCKET and S3_PUBLIC_URL), as the backup's are; got none`,
    ]);
  if (manifest.media === undefined && media !== undefined && inFolder)
    throw new TransferRefusedError([
      `${slug}: expected media in the content folder, as the backup's are; got the bucket ${media.bucket} (S3_BUCKET)`,
    ]);
}

/** Files of the database and the content folder come to `staging`; those of a bucket are compared and left where they are. */
async function fetchFiles(store: FileStore, manifest: BackupManifest, staging: string): Promise<void> {
  const problems: string[] = [];
  for (const file of manifest.files) {
    if (!isPlain(file.path)) {
      problems.push(
        `${manifestFile}: expected paths below database/, content/ and media/; got ${JSON.stringify(file.path)}`,
      );
      continue;
    }
    const to = file.path.startsWith('media/') ? undefined : path.join(staging, file.path);
    const problem = await fetchFile(store, keyOfFile(manifest, file), file, to);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length > 0) throw new DamagedBackupError(problems);
}

/** Whoever can write a manifest could name any file of the machine. */
function isPlain(file: string): boolean {
  if (path.posix.normalize(file) !== file || file.includes('\\')) return false;
  const [, top, rest = ''] = /^(database|content|media)\/(.+)$/.exec(file) ?? [];
  return top !== undefined && (top !== 'content' || isContent(rest));
}

/** @returns what is wrong with the file, if anything */
async function fetchFile(
  store: FileStore,
  key: string,
  expected: BackupFile,
  to: string | undefined,
): Promise<string | undefined> {
  const found = new Checksum();
  try {
    const content = found.of(await store.read(key));
    if (to === undefined) for await (const _ of content);
    else {
      await mkdir(path.dirname(to), { recursive: true });
      await pipeline(content, createWriteStream(to));
    }
  } catch (error) {
    if (error instanceof MissingFileError) return error.message;
    throw error;
  }
  const problem = found.differsFrom(expected);
  return problem === undefined ? undefined : `${key}: ${expected.path}: ${problem}`;
}

async function openSource(manifest: BackupManifest, staging: string, config: SiteConfig): Promise<TransferSource> {
  const source = await openDatabase(manifest, staging, config.ghostPath);
  const from = manifest.media?.url;
  const to = config.media === undefined ? from : mediaUrl(config.media);
  return from === undefined || to === undefined || from === to ? source : new RelocatedSource(source, { from, to });
}

async function openDatabase(manifest: BackupManifest, staging: string, ghostPath: string): Promise<TransferSource> {
  const { database, slug, id } = manifest;
  const label = `backup ${slug}/${id}`;
  if (database.kind === 'rows') return new RowsSource(label, staging, database);
  const filename = path.join(staging, 'database/site.db');
  await pipeline(createReadStream(path.join(staging, database.file)), createGunzip(), createWriteStream(filename));
  const source = new SqliteSource({ filename, ghostPath });
  await source.open();
  return source;
}

function createTarget({ database, ghostPath }: SiteConfig): TransferTarget {
  return database.client === 'sqlite'
    ? new SqliteTransferTarget({ filename: database.filename, ghostPath })
    : new PostgresTransferTarget(database);
}

/** A file that is there already with the same bytes, such as a theme that Ghost brings, is no obstacle. */
async function findDifferent(files: readonly BackupFile[], contentPath: string): Promise<string[]> {
  const problems: string[] = [];
  for (const { path: file, sha256 } of files) {
    const target = path.join(contentPath, file.slice('content/'.length));
    if (existsSync(target) && (await checksumOf(createReadStream(target))).sha256 !== sha256)
      problems.push(`${target}: expected no file, or the same; a different one is there`);
  }
  return problems;
}

/** Each file appears whole, and never in the place of another. */
async function placeContent(files: readonly BackupFile[], staging: string, contentPath: string): Promise<number> {
  let placed = 0;
  for (const { path: file } of files) {
    const target = path.join(contentPath, file.slice('content/'.length));
    if (existsSync(target)) continue;
    await mkdir(path.dirname(target), { recursive: true });
    await link(path.join(staging, file), target);
    await unlink(path.join(staging, file));
    placed += 1;
  }
  return placed;
}
