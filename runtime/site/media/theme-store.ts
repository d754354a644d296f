import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { MediaSettings } from '../config.ts';
import type { Logger } from '../logger.ts';
import { privateFolder } from './keys.ts';
import { S3Store } from './s3-store.ts';

/** The part of Ghost's own zip package that is used here. */
interface Zip {
  compress(folder: string, file: string): Promise<unknown>;
  extract(file: string, folder: string): Promise<unknown>;
}

/** What Ghost calls a theme that it is about to put in place, or to remove: `<name>_<ObjectID>`. */
const passing = /_[0-9a-f]{24}$/;

/** The bucket did not answer; what it holds is needed. */
export class MediaUnavailableError extends Error {
  constructor(cause: unknown) {
    super(`the bucket of the site did not answer: ${(cause as Error).message || (cause as Error).name}`);
    this.name = 'MediaUnavailableError';
  }
}

/**
 * Keeps the themes that were uploaded to a site in its bucket, a zip file each. Ghost has storage adapters for all else, and
 * reads themes from its content folder only; so they are brought there before it starts, and taken away after each change.
 */
export class ThemeStore {
  readonly #store: S3Store;
  readonly #zip: Zip;
  readonly #themes: string;
  readonly #bundled: string;
  /** What each stored theme looks like on the disk. */
  readonly #stored = new Map<string, string>();
  #saving: Promise<void> = Promise.resolve();

  constructor(media: MediaSettings, contentPath: string, ghostPath: string) {
    this.#store = new S3Store({ ...media, prefix: `${media.prefix}${privateFolder}/themes/` }, ghostPath);
    this.#zip = createRequire(path.join(ghostPath, 'package.json'))('@tryghost/zip') as Zip;
    this.#themes = path.join(contentPath, 'themes');
    this.#bundled = path.join(ghostPath, 'content/themes');
  }

  /**
   * Brings every stored theme to the content folder. One that cannot be unpacked is logged and left out.
   *
   * @throws MediaUnavailableError
   */
  async restore(logger: Logger): Promise<void> {
    const files = await this.#store.list('').catch((error: unknown) => {
      throw new MediaUnavailableError(error);
    });
    for (const { key } of files.filter((file) => /^[^/]+\.zip$/.test(file.key))) {
      const name = path.basename(key, '.zip');
      const content = await this.#fetch(key).catch((error: unknown) => {
        throw new MediaUnavailableError(error);
      });
      try {
        await this.#unpack(name, content);
        this.#stored.set(name, await fingerprint(path.join(this.#themes, name)));
      } catch (error) {
        logger.error({ theme: name, reason: (error as Error).message }, 'a stored theme cannot be unpacked');
      }
    }
  }

  /** Stores what was uploaded or changed since, and removes what was deleted. One at a time. */
  save(): Promise<void> {
    const saved = this.#saving.then(() => this.#saveNow());
    this.#saving = saved.catch(() => undefined);
    return saved;
  }

  async #saveNow(): Promise<void> {
    const bundled = new Set(await readdir(this.#bundled));
    const folders = await readdir(this.#themes, { withFileTypes: true });
    const names = folders
      .filter((entry) => entry.isDirectory() && !bundled.has(entry.name) && !passing.test(entry.name))
      .map((entry) => entry.name);
    for (const name of names) {
      const folder = path.join(this.#themes, name);
      const looks = await fingerprint(folder);
      if (this.#stored.get(name) === looks) continue;
      await this.#store.write(`${name}.zip`, Readable.from([await this.#pack(folder)]));
      this.#stored.set(name, looks);
    }
    for (const name of [...this.#stored.keys()].filter((stored) => !names.includes(stored))) {
      await this.#store.remove(`${name}.zip`);
      this.#stored.delete(name);
    }
  }

  async #fetch(key: string): Promise<Uint8Array> {
    return buffer(await this.#store.read(key));
  }

  async #pack(folder: string): Promise<Uint8Array> {
    const work = await this.#workFolder();
    try {
      const file = path.join(work, 'theme.zip');
      await this.#zip.compress(folder, file);
      return await readFile(file);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  async #unpack(name: string, content: Uint8Array): Promise<void> {
    const work = await this.#workFolder();
    try {
      const file = path.join(work, 'theme.zip');
      await writeFile(file, content);
      await this.#zip.extract(file, path.join(work, name));
      const folder = path.join(this.#themes, name);
      await rm(folder, { recursive: true, force: true });
      await rename(path.join(work, name), folder);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** On the same file system as the themes, so that a rename puts one in place. */
  #workFolder(): Promise<string> {
    return mkdtemp(path.join(path.dirname(this.#themes), 'data', '.theme-'));
  }
}

/** Names, sizes and times of a folder's files: what changes when any of them does. */
async function fingerprint(folder: string): Promise<string> {
  const files = await readdir(folder, { recursive: true });
  const lines = files.sort().map(async (file) => {
    const { size, mtimeMs } = await stat(path.join(folder, file));
    return `${file} ${size} ${mtimeMs}`;
  });
  return (await Promise.all(lines)).join('\n');
}
