import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatManifest, keyOf, listBackups, manifestFile, sharedPrefix } from '../../../runtime/backup/manifest.ts';
import { removeOldBackups } from '../../../runtime/backup/retention.ts';
import { DirectoryStore } from '../../../runtime/site/backups/directory-store.ts';
import { nameNewest, readNewest } from '../../../runtime/site/backups/newest.ts';
import { openTarget } from '../../../runtime/site/backups/target.ts';
import { type FileStore, MissingFileError } from '../../../runtime/site/media/file-store.ts';
import { startObjectStorage, type TestObjectStorage } from '../../support/object-storage.ts';
import { temporaryDir } from '../../support/site-process.ts';

let files: { dir: string; remove: () => Promise<void> };
let s3: TestObjectStorage;
beforeAll(async () => {
  files = await temporaryDir();
  s3 = await startObjectStorage(files.dir);
});
afterAll(async () => {
  await s3?.stop();
  await files.remove();
});

const site = { contentPath: '/nowhere', ghostPath: path.resolve('.tools/ghost') };
const stores: Record<string, (name: string) => FileStore> = {
  'a folder': (name) => openTarget(path.join(files.dir, name), site, {}),
  'a bucket': (name) => openTarget(`s3://${s3.bucket}/${name}`, site, s3.access),
};

async function read(store: FileStore, key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await store.read(key)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function keysOf(store: FileStore, prefix: string): Promise<string[]> {
  return (await store.list(prefix)).map(({ key }) => key);
}

async function* pieces(bytes: Buffer, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe.each(Object.keys(stores))('backups in %s', (kind) => {
  const open = (name: string) => stores[kind]?.(name) as FileStore;

  it('come back as they were written, small, empty and larger than a part', async () => {
    const store = open('round-trip');
    const contents = {
      'a/empty': Buffer.alloc(0),
      'a/small': Buffer.from('Zürich\u2028'),
      'a/large': randomBytes(40_000_000),
    };
    for (const [key, bytes] of Object.entries(contents)) await store.write(key, pieces(bytes, 1_000_003));
    expect(await keysOf(store, 'a/')).toEqual(['a/empty', 'a/large', 'a/small']);
    const [, large] = await store.list('a/');
    expect(large?.bytes).toBe(40_000_000);
    expect(Math.abs((large?.modified.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    for (const [key, bytes] of Object.entries(contents)) {
      const hash = (found: Buffer) => createHash('sha256').update(found).digest('hex');
      expect([key, hash(await read(store, key))]).toEqual([key, hash(bytes)]);
    }
    await expect(store.read('a/nothing')).rejects.toThrow(MissingFileError);
    await store.remove('a/large');
    expect(await keysOf(store, 'a/')).toEqual(['a/empty', 'a/small']);
    expect(await keysOf(store, 'b/')).toEqual([]);
  });

  it('leave nothing behind where what is written cannot be read to its end', async () => {
    const store = open('broken');
    async function* broken(): AsyncIterable<Uint8Array> {
      yield randomBytes(20_000_000);
      throw new Error('gone');
    }
    await expect(store.write('a/file', broken())).rejects.toThrow('gone');
    expect(await keysOf(store, 'a/')).toEqual([]);
  });

  it('name the newest of a site, and none where there is none', async () => {
    const store = open('newest');
    expect(await readNewest(store, 'aurora')).toBeNull();
    await nameNewest(store, { slug: 'aurora', id: '20261001T031500Z' });
    await nameNewest(store, { slug: 'aurora', id: '20261110T031500Z' });
    expect(await readNewest(store, 'aurora')).toEqual(new Date('2026-11-10T03:15:00Z'));
    expect(await readNewest(store, 'aurora-north')).toBeNull();
    expect(await listBackups(store, 'aurora')).toEqual([]);
    await store.write('aurora/newest', pieces(Buffer.from('<html>not a moment'), 9));
    expect(await readNewest(store, 'aurora')).toBeNull();
  });

  it('older than the retention go, but for the newest and for those of other sites', async () => {
    const store = open('retention');
    const one = async (slug: string, id: string, names: readonly string[]) => {
      for (const name of names) await store.write(keyOf({ slug, id }, name), pieces(Buffer.from(name), 100));
    };
    const shared = (text: string) => createHash('sha256').update(text).digest('hex');
    const whole = async (slug: string, id: string, pictures: readonly string[]) => {
      await one(slug, id, ['database/site.db.gz']);
      for (const text of pictures)
        await store.write(`${sharedPrefix(slug)}${shared(text)}`, pieces(Buffer.from(text), 9));
      const files = pictures.map((text) => ({ path: `content/${text}`, bytes: text.length, sha256: shared(text) }));
      const database = { kind: 'sqlite', file: 'database/site.db.gz' } as const;
      const manifest = formatManifest({ format: 1, slug, id, ghostVersion: '6.65.0', database, files });
      await store.write(keyOf({ slug, id }, manifestFile), pieces(Buffer.from(manifest), 100));
    };
    await whole('aurora', '20261001T031500Z', ['gone.jpg', 'kept.jpg']);
    await whole('aurora', '20261110T031500Z', ['kept.jpg', 'new.jpg']);
    await one('aurora', '20261120T031500Z', ['database/site.db.gz']);
    await whole('aurora-north', '20261001T031500Z', ['gone.jpg']);
    expect(await listBackups(store, 'aurora')).toEqual(['20261001T031500Z', '20261110T031500Z']);
    const pictures = (slug: string) => keysOf(store, sharedPrefix(slug));
    const keys = (...texts: string[]) => texts.map((text) => `${sharedPrefix('aurora')}${shared(text)}`).sort();

    // Files of a backup that may be under way are left alone.
    const today = new Date();
    const days = Math.floor((today.getTime() - Date.parse('2026-10-20T00:00:00Z')) / 86_400_000);
    expect(await removeOldBackups(store, 'aurora', days, today)).toEqual(['20261001T031500Z']);
    expect(await pictures('aurora')).toEqual(keys('gone.jpg', 'kept.jpg', 'new.jpg'));
    await whole('aurora', '20261001T031500Z', ['gone.jpg', 'kept.jpg']);
    const later = new Date(today.getTime() + 3 * 86_400_000);
    expect(await removeOldBackups(store, 'aurora', days + 3, later)).toEqual(['20261001T031500Z']);
    expect(await pictures('aurora')).toEqual(keys('kept.jpg', 'new.jpg'));

    expect(await removeOldBackups(store, 'aurora', 1, later)).toEqual([]);
    expect(await keysOf(store, 'aurora/20261001T031500Z/')).toEqual([]);
    expect(await listBackups(store, 'aurora')).toEqual(['20261110T031500Z']);
    expect(await listBackups(store, 'aurora-north')).toEqual(['20261001T031500Z']);
    expect(await pictures('aurora-north')).toHaveLength(1);
  });
});

describe('backups in a folder', () => {
  it('are for this user alone', async () => {
    const root = path.join(files.dir, 'private');
    await new DirectoryStore(root).write('a/b', pieces(Buffer.from('secret'), 10));
    expect((await stat(path.join(root, 'a/b'))).mode & 0o077).toBe(0);
    expect((await stat(path.join(root, 'a'))).mode & 0o077).toBe(0);
  });

  it('do not count what an interrupted run left', async () => {
    const root = path.join(files.dir, 'interrupted');
    await mkdir(path.join(root, 'a'), { recursive: true });
    await writeFile(path.join(root, 'a/file.partial'), 'half');
    expect(await new DirectoryStore(root).list('a/')).toEqual([]);
    expect(await readdir(path.join(root, 'a'))).toEqual(['file.partial']);
  });
});
