import type { MediaSettings } from '../site/config.ts';
import { type FileStore, MissingFileError } from '../site/media/file-store.ts';
import { privateFolder } from '../site/media/keys.ts';
import type { S3Store } from '../site/media/s3-store.ts';
import { Checksum, checksumOf } from './checksum.ts';
import { type BackupFile, type BackupManifest, DamagedBackupError, keyOfFile } from './manifest.ts';
import type { SharedFiles } from './shared-files.ts';

/** What a site keeps in its bucket; whatever else is below its prefix is none of its media. */
const folders = ['content/', `${privateFolder}/`];

const top = 'media/';

/** Where a browser reads what lies below a site's prefix, with a slash at the end. */
export function mediaUrl({ publicUrl, prefix }: MediaSettings): string {
  return `${publicUrl}/${prefix}`;
}

/** The files of a backup that come from the media bucket. */
export function mediaFilesOf({ files }: BackupManifest): BackupFile[] {
  return files.filter((file) => file.path.startsWith(top));
}

/**
 * Copies every object of a site's media. One that is as the previous backup found it, by its ETag, is not read again.
 *
 * @throws TransferRefusedError where an object changes while it is copied
 */
export async function copyMedia(
  media: S3Store,
  shared: SharedFiles,
  previous: BackupManifest | undefined,
): Promise<BackupFile[]> {
  const known = new Map(previous === undefined ? [] : mediaFilesOf(previous).map((file) => [file.path, file]));
  const files: BackupFile[] = [];
  for (const folder of folders) {
    // Some tools make an empty object for what they show as a folder.
    for (const { key, etag } of (await media.list(folder)).filter((object) => !object.key.endsWith('/'))) {
      const before = known.get(top + key);
      if (before !== undefined && etag !== undefined && before.etag === etag && shared.has(before)) files.push(before);
      else files.push(...(await copyObject(media, shared, key)));
    }
  }
  return files;
}

async function copyObject(media: S3Store, shared: SharedFiles, key: string): Promise<BackupFile[]> {
  let [type, etag]: (string | undefined)[] = [];
  try {
    const file = await shared.add(top + key, media.label + key, async () => {
      const found = await media.get(key);
      ({ type, etag } = found);
      return found.content;
    });
    return [{ ...file, ...(type === undefined ? {} : { type }), ...(etag === undefined ? {} : { etag }) }];
  } catch (error) {
    // Deleted since it was listed.
    if (error instanceof MissingFileError) return [];
    throw error;
  }
}

/** The bucket that a backup is brought back to. */
export class MediaTarget {
  readonly #media: S3Store;
  readonly #backup: BackupManifest;
  readonly #files: readonly BackupFile[];

  constructor(media: S3Store, backup: BackupManifest) {
    this.#media = media;
    this.#backup = backup;
    this.#files = mediaFilesOf(backup);
  }

  /** What stands in the way: an object under the key of one of the backup's, with other content. */
  async findDifferent(): Promise<string[]> {
    const present = await this.#present();
    const problems: string[] = [];
    for (const file of this.#files) {
      const key = keyInBucket(file);
      const bytes = present.get(key);
      if (bytes === undefined) continue;
      if (bytes !== file.bytes || (await checksumOf(await this.#media.read(key))).sha256 !== file.sha256)
        problems.push(`${this.#media.label}${key}: expected no object, or the same; a different one is there`);
    }
    return problems;
  }

  /**
   * Brings back what is not there, each object whole or not at all. Nothing is overwritten or removed.
   *
   * @returns how many came back
   * @throws DamagedBackupError
   */
  async place(store: FileStore): Promise<number> {
    const present = await this.#present();
    const missing = this.#files.filter((file) => !present.has(keyInBucket(file)));
    for (const file of missing) {
      const from = keyOfFile(this.#backup, file);
      await this.#media.write(keyInBucket(file), verified(await store.read(from), file, from), file.type);
    }
    return missing.length;
  }

  async #present(): Promise<ReadonlyMap<string, number>> {
    const lists = await Promise.all(folders.map((folder) => this.#media.list(folder)));
    return new Map(lists.flat().map(({ key, bytes }) => [key, bytes]));
  }
}

function keyInBucket(file: BackupFile): string {
  return file.path.slice(top.length);
}

/** Content that ends in an error, and so never appears in a store, unless it has the checksum of a file. */
async function* verified(content: AsyncIterable<Uint8Array>, file: BackupFile, key: string): AsyncIterable<Uint8Array> {
  const checksum = new Checksum();
  yield* checksum.of(content);
  const problem = checksum.differsFrom(file);
  if (problem !== undefined) throw new DamagedBackupError([`${key}: ${file.path}: ${problem}`]);
}
