import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BackupManifest } from '../../../runtime/backup/manifest.ts';
import { copyMedia, MediaTarget } from '../../../runtime/backup/media.ts';
import { SharedFiles } from '../../../runtime/backup/shared-files.ts';
import { openTarget } from '../../../runtime/site/backups/target.ts';
import { S3Store } from '../../../runtime/site/media/s3-store.ts';
import { runBackupCommand } from '../../support/backup-command.ts';
import { owner, pixel } from '../../support/fixtures.ts';
import { GhostAdmin } from '../../support/ghost-admin.ts';
import { startObjectStorage, type TestObjectStorage } from '../../support/object-storage.ts';
import { SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';
import { makeTheme } from '../../support/theme.ts';

const shared = useTestServer();
const ghostPath = path.resolve('.tools/ghost');
let s3: TestObjectStorage;
beforeAll(async () => {
  s3 = await startObjectStorage(shared.dir);
}, 900_000);
afterAll(() => s3?.stop());

/** What a site has below its prefix of the bucket. */
function bucketOf(slug: string): S3Store {
  const { endpoint, bucket, accessKeyId, secretAccessKey } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Store({ bucket, endpoint, credentials, region: 'us-east-1', prefix: `${slug}/` }, ghostPath);
}

async function* whole(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

async function listed(store: S3Store): Promise<string[]> {
  return (await store.list('')).map(({ key, etag }) => `${key} ${etag}`);
}

function manifestOf(slug: string, files: BackupManifest['files']): BackupManifest {
  const database = { kind: 'sqlite', file: 'database/site.db.gz' } as const;
  const media = { url: `https://cdn.example.com/${slug}/` };
  return { format: 1, slug, id: '20261125T031500Z', ghostVersion: '6.65.0', database, media, files };
}

describe("objects of a site's bucket", () => {
  const video = randomBytes(20_000_000);
  const backups = () => openTarget(`s3://${s3.bucket}/backups`, { contentPath: '/nowhere', ghostPath }, s3.access);
  let files: BackupManifest['files'];
  beforeAll(async () => {
    const bucket = bucketOf('reel');
    await bucket.write('content/media/2026/11/reel.mp4', whole(video), 'video/mp4');
    await bucket.write('content/images/2026/11/pixel.png', whole(pixel), 'image/png');
    await bucket.write('content/images/2026/11/same.png', whole(pixel), 'image/png');
    await bucket.write('private/settings/routes.yaml', whole(Buffer.from('routes:\n')), 'application/yaml');
    await bucket.write('notes/of-somebody.txt', whole(Buffer.from('no media')));
    await bucketOf('reel-to-reel').write('content/images/other.png', whole(pixel), 'image/png');
  });

  it('are copied once each, with the types that browsers see, and those of no other site', async () => {
    files = await copyMedia(bucketOf('reel'), await SharedFiles.open(backups(), 'reel'), undefined);
    expect(files.map(({ path: file, bytes, type }) => [file, bytes, type])).toEqual([
      ['media/content/images/2026/11/pixel.png', pixel.length, 'image/png'],
      ['media/content/images/2026/11/same.png', pixel.length, 'image/png'],
      ['media/content/media/2026/11/reel.mp4', video.length, 'video/mp4'],
      ['media/private/settings/routes.yaml', 8, 'application/yaml'],
    ]);
    expect(files[2]?.sha256).toBe(createHash('sha256').update(video).digest('hex'));
    expect(await backups().list('reel/files/')).toHaveLength(3);
  });

  it('are not read again while their ETags stay, and are where what was stored of them is gone', async () => {
    const get = vi.spyOn(S3Store.prototype, 'get');
    try {
      const again = async () =>
        copyMedia(bucketOf('reel'), await SharedFiles.open(backups(), 'reel'), manifestOf('reel', files));
      expect(await again()).toEqual(files);
      expect(get).not.toHaveBeenCalled();
      await bucketOf('reel').write('content/images/2026/11/same.png', whole(Buffer.from('another')), 'image/png');
      expect((await again())[1]?.sha256).toBe(createHash('sha256').update('another').digest('hex'));
      get.mockClear();
      await backups().remove(`reel/files/${files[2]?.sha256}`);
      await again();
      expect(get.mock.calls.map(([key]) => key)).toContain('content/media/2026/11/reel.mp4');
    } finally {
      get.mockRestore();
    }
  });

  it('come back under another prefix, where one that differs is said and left as it is', async () => {
    const copy = bucketOf('copied-reel');
    await copy.write('content/images/2026/11/same.png', whole(Buffer.from('of somebody')));
    const target = new MediaTarget(copy, manifestOf('reel', files));
    expect(await target.findDifferent()).toEqual([
      `${copy.label}content/images/2026/11/same.png: expected no object, or the same; a different one is there`,
    ]);
    await copy.write('content/images/2026/11/same.png', whole(pixel), 'image/png');
    await copy.write('content/images/newer.png', whole(pixel), 'image/png');
    expect(await target.findDifferent()).toEqual([]);
    expect(await target.place(backups())).toBe(3);
    expect((await copy.list('')).map(({ key }) => key)).toEqual([
      'content/images/2026/11/pixel.png',
      'content/images/2026/11/same.png',
      'content/images/newer.png',
      'content/media/2026/11/reel.mp4',
      'private/settings/routes.yaml',
    ]);
    expect((await copy.get('content/media/2026/11/reel.mp4')).type).toBe('video/mp4');
    expect(await target.place(backups())).toBe(0);
  });

  it('never appear where what was stored of them is damaged', async () => {
    await backups().write(`reel/files/${files[0]?.sha256}`, whole(Buffer.alloc(pixel.length)));
    const copy = bucketOf('broken-reel');
    await expect(new MediaTarget(copy, manifestOf('reel', files)).place(backups())).rejects.toThrow('expected SHA-256');
    expect(await listed(copy)).toEqual([]);
  });
});

describe('a backup of a site whose media lie in a bucket', () => {
  const place = () => ['--target', path.join(shared.dir, 'backups')];

  async function environment(slug: string, strategy: 'sqlite' | 'database'): Promise<Record<string, string>> {
    const site = { dir: shared.dir, slug, title: slug, strategy, server: shared.server };
    const quiet = { mail__transport: 'stub', security__staffDeviceVerification: 'false' };
    return { ...(await siteEnvironment(site)), ...quiet, ...s3.environment };
  }

  it('brings images, theme, redirects and what posts say of them to another site, of which the first is no part', async () => {
    const env = await environment('gallery', 'database');
    const site = await new SiteUnderTest(env).ready();
    const admin = new GhostAdmin(env);
    await admin.setUp(owner);
    const file = new File([pixel], 'pixel.png', { type: 'image/png' });
    const image = (await admin.upload('/ghost/api/admin/images/upload/', 'file', file)).body.images[0].url as string;
    expect(image).toContain('/media/gallery/content/images/');
    const theme = await makeTheme(shared.dir, 'gallery-walls', 'mark of the gallery');
    expect((await admin.upload('/ghost/api/admin/themes/upload/', 'file', theme)).status).toBe(200);
    expect((await admin.send('PUT', '/ghost/api/admin/themes/gallery-walls/activate/')).status).toBe(200);
    const redirects = new File([JSON.stringify([{ from: '^/old', to: '/new', permanent: true }])], 'redirects.json');
    expect((await admin.upload('/ghost/api/admin/redirects/upload/', 'redirects', redirects)).status).toBe(200);
    const html = `<p>Look:</p><img src="${image}">`;
    const post = { title: 'Opening', slug: 'opening', status: 'published', feature_image: image, html };
    expect((await admin.send('POST', '/ghost/api/admin/posts/?source=html', { posts: [post] })).status).toBe(201);

    const taken = await runBackupCommand(env, ['backup', ...place()]);
    expect(taken.exitCode, taken.stderr).toBe(0);
    expect(taken.stdout).toMatch(/database and \d+ files and [3-9] objects of its bucket, \d+ bytes/);
    await site.stop();
    const copied = await environment('second-gallery', 'sqlite');
    const restored = await runBackupCommand(copied, ['restore', ...place(), '--of', 'gallery']);
    expect(restored.exitCode, restored.stderr).toBe(0);
    expect(restored.stdout).toMatch(/verified, and \d+ files, [3-9] objects\n/);

    const first = bucketOf('gallery');
    for (const { key } of await first.list('')) await first.remove(key);
    // As a pod comes up, with nothing but its database.
    await rm(path.join(copied.CONTENT_PATH ?? '', 'themes'), { recursive: true });
    const copy = await new SiteUnderTest(copied).ready();
    try {
      const page = await copy.get('/opening/');
      expect(page.body).toContain('mark of the gallery');
      expect(page.body).not.toContain('/media/gallery/');
      const [moved = ''] =
        /http:[^" ]*\/media\/second-gallery\/content\/images\/[^" ]*pixel\.png/.exec(page.body) ?? [];
      expect(moved).toBe(image.replace('/media/gallery/', '/media/second-gallery/'));
      const answer = await fetch(moved);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/png']);
      expect(Buffer.from(await answer.arrayBuffer()).equals(pixel)).toBe(true);
      expect((await copy.get('/old')).status).toBe(301);
    } finally {
      await copy.stop();
    }
  });

  it('is refused over objects that differ, and where the site has its media elsewhere, with nothing changed', async () => {
    const env = await environment('taken-gallery', 'database');
    const bucket = bucketOf('taken-gallery');
    await bucket.write('private/settings/redirects.json', whole(Buffer.from('[]')));
    const before = await listed(bucket);
    const over = await runBackupCommand(env, ['restore', ...place(), '--of', 'gallery']);
    expect(over.exitCode).toBe(1);
    expect(over.stderr).toContain('taken-gallery/private/settings/redirects.json: expected no object, or the same');
    expect(await listed(bucket)).toEqual(before);
    const { S3_BUCKET: _, S3_PUBLIC_URL: __, ...local } = env;
    const elsewhere = await runBackupCommand(local, ['restore', ...place(), '--of', 'gallery']);
    expect(elsewhere.exitCode).toBe(1);
    expect(elsewhere.stderr).toContain("expected media in a bucket (S3_BUCKET and S3_PUBLIC_URL), as the backup's are");
  });
});
