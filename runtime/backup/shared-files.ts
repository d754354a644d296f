import { TransferRefusedError } from '../database/transfer/refusal.ts';
import type { FileStore } from '../site/media/file-store.ts';
import { Checksum, checksumOf } from './checksum.ts';
import { type BackupFile, keyOfFile, sharedPrefix } from './manifest.ts';

/** The files that all backups of a site share: each lies there once, under its checksum. */
export class SharedFiles {
  readonly #store: FileStore;
  readonly #slug: string;
  /** Bytes by key. */
  readonly #stored: Map<string, number>;

  private constructor(store: FileStore, slug: string, stored: Map<string, number>) {
    this.#store = store;
    this.#slug = slug;
    this.#stored = stored;
  }

  static async open(store: FileStore, slug: string): Promise<SharedFiles> {
    const files = await store.list(sharedPrefix(slug));
    return new SharedFiles(store, slug, new Map(files.map(({ key, bytes }) => [key, bytes])));
  }

  has(file: BackupFile): boolean {
    return this.#stored.get(this.#key(file)) === file.bytes;
  }

  /**
   * Reads a file for its checksum, and once more to send it where no earlier backup did.
   *
   * @param name what the manifest calls it
   * @param source what people call it
   * @throws TransferRefusedError where it changes meanwhile: what lies under a checksum must have it
   */
  async add(name: string, source: string, read: () => Promise<AsyncIterable<Uint8Array>>): Promise<BackupFile> {
    const file = { path: name, ...(await checksumOf(await read())) };
    if (this.has(file)) return file;
    const key = this.#key(file);
    const written = new Checksum();
    await this.#store.write(key, written.of(await read()));
    if (written.sha256() !== file.sha256) {
      await this.#store.remove(key);
      throw new TransferRefusedError([`${source}: expected not to change while it is copied; try again`]);
    }
    this.#stored.set(key, file.bytes);
    return file;
  }

  #key(file: BackupFile): string {
    return keyOfFile({ slug: this.#slug, id: '' }, file);
  }
}
