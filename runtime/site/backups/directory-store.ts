import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type FileStore, MissingFileError, type StoredFile } from '../media/file-store.ts';

/** Backups in a folder of this machine, readable by this user alone. */
export class DirectoryStore implements FileStore {
  readonly label: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = path.resolve(root);
    this.label = this.#root;
  }

  async list(prefix: string): Promise<StoredFile[]> {
    const folder = path.join(this.#root, prefix);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      },
    );
    const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.partial'));
    const stored: StoredFile[] = [];
    for (const entry of files) {
      const file = path.join(entry.parentPath, entry.name);
      const { size, mtime } = await stat(file);
      stored.push({ key: path.relative(this.#root, file), bytes: size, modified: mtime });
    }
    return stored.sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  async write(key: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const file = path.join(this.#root, key);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const partial = `${file}.partial`;
    await pipeline(content, createWriteStream(partial, { mode: 0o600 }));
    // On the disk before it has its name: a manifest must never outlive what it lists.
    const handle = await open(partial, 'r');
    await handle.sync();
    await handle.close();
    await rename(partial, file);
  }

  async read(key: string): Promise<AsyncIterable<Uint8Array>> {
    const file = path.join(this.#root, key);
    const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? new MissingFileError(this.label, key) : error;
    });
    return createReadStream(file, { fd: handle });
  }

  async remove(key: string): Promise<void> {
    await rm(path.join(this.#root, key), { force: true });
    // The folders that held nothing else.
    for (let folder = path.dirname(path.join(this.#root, key)); folder !== this.#root; folder = path.dirname(folder)) {
      try {
        await rmdir(folder);
      } catch (error) {
        if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
        return;
      }
    }
  }
}
