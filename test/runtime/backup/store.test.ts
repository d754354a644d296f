import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DirectoryStore } from '../../../runtime/backup/directory-store.ts';
import { keyOf, listBackups, manifestFile } from '../../../runtime/backup/manifest.ts';
import { removeOldBackups } from '../../../runtime/backup/retention.ts';
import { type BackupStore, MissingFileError } from '../../../runtime/backup/store.ts';
import { openTarget } from '../../../runtime/backup/target.ts';
import { type S3Server, startS3 } from '../../support/s3-server.ts';
import { temporaryDir } from '../../support/site-process.ts';

let files: { dir: string; remove: () => Promise<void> };
let s3: S3Server;
beforeAll(async () => {
  files = await temporaryDir();
  s3 = await startS3(path.join(files.dir, 's3'));
});
afterAll(async () => {
  await s3?.stop();
  await files.remove();
});

const site = { contentPath: '/nowhere', ghostPath: path.resolve('.tools/ghost') };
const stores: Record<string, (name: string) => BackupStore> = {
  'a folder': (name) => openTarget(path.join(files.dir, name), site, {}),
  'a bucket': (name) => openTarget(`s3://${s3.bucket}/${name}`, site, s3.env),
};

async function read(store: BackupStore, key: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await store.read(key)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* pieces(bytes: Buffer, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe.each(Object.keys(stores))('backups in %s', (kind) => {
  const open = (name: string) => stores[kind]?.(name) as BackupStore;

  it('come back as they were written, small, empty and larger than a part', async () => {
    const store = open('round-trip');
    const contents = {
      'a/empty': Buffer.alloc(0),
      'a/small': Buffer.from('Zürich\u2028'),
      'a/large': randomBytes(40_000_000),
    };
    for (const [key, bytes] of Object.entries(contents)) await store.write(key, pieces(bytes, 1_000_003));
    expect(await store.list('a/')).toEqual(['a/empty', 'a/large', 'a/small']);
    for (const [key, bytes] of Object.entries(contents)) {
      const hash = (found: Buffer) => createHash('sha256').update(found).digest('hex');
      expect([key, hash(await read(store, key))]).toEqual([key, hash(bytes)]);
    }
    await expect(store.read('a/nothing')).rejects.toThrow(MissingFileError);
    await store.remove('a/large');
    expect(await store.list('a/')).toEqual(['a/empty', 'a/small']);
    expect(await store.list('b/')).toEqual([]);
  });

  it('leave nothing behind where what is written cannot be read to its end', async () => {
    const store = open('broken');
    async function* broken(): AsyncIterable<Uint8Array> {
      yield randomBytes(20_000_000);
      throw new Error('gone');
    }
    await expect(store.write('a/file', broken())).rejects.toThrow('gone');
    expect(await store.list('a/')).toEqual([]);
  });

  it('older than the retention go, but for the newest and for those of other sites', async () => {
    const store = open('retention');
    const one = async (slug: string, id: string, names: readonly string[]) => {
      for (const name of names) await store.write(keyOf({ slug, id }, name), pieces(Buffer.from(name), 100));
    };
    const whole = ['database/site.db.gz', manifestFile];
    await one('aurora', '20261001T031500Z', whole);
    await one('aurora', '20261110T031500Z', whole);
    await one('aurora', '20261120T031500Z', ['database/site.db.gz']);
    await one('aurora-north', '20261001T031500Z', whole);
    expect(await listBackups(store, 'aurora')).toEqual(['20261001T031500Z', '20261110T031500Z']);
    const now = new Date('2026-11-25T00:00:00Z');
    expect(await removeOldBackups(store, 'aurora', 30, now)).toEqual(['20261001T031500Z']);
    expect(await removeOldBackups(store, 'aurora', 3, now)).toEqual([]);
    expect(await store.list('aurora/20261001T031500Z/')).toEqual([]);
    expect(await listBackups(store, 'aurora')).toEqual(['20261110T031500Z']);
    expect(await listBackups(store, 'aurora-north')).toEqual(['20261001T031500Z']);
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
