import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restrictedPod } from '../../components/pod-security.ts';
import { readFileOfImage, readTags } from '../../scripts/image/archive.ts';
import { UnpackedImage } from '../support/container.ts';
import { GhostAdmin } from '../support/ghost-admin.ts';
import { type SiteUnderTest, siteEnvironment, titleOf } from '../support/site-process.ts';
import { useTestServer } from '../support/test-server.ts';

const shared = useTestServer();
const archive = process.env.SITE_IMAGE_ARCHIVE ?? '';
const pin = JSON.parse(readFileSync('runtime/site/ghost.json', 'utf8')) as { version: string; integrity: string };
let image: UnpackedImage;
let files: string[];
beforeAll(async () => {
  if (archive === '') throw new Error('SITE_IMAGE_ARCHIVE: expected the archive of an image (npm test builds it)');
  image = await UnpackedImage.unpack(archive, path.join(shared.dir, 'image'));
  files = readdirSync(image.root, { recursive: true, encoding: 'utf8' });
});

describe("the site's image", () => {
  it('carries the name that a stack asks for', async () => {
    // Docker leaves its own registry's name out; containerd puts it in.
    const tags = (await readTags(archive)).map((tag) => tag.replace(/^docker\.io\//, ''));
    expect(tags).toEqual(['ghost-fleet/site:dev']);
    expect(readFileSync('stacks/Pulumi.dev.yaml', 'utf8')).toContain('site: ghost-fleet/site:dev\n');
  });

  it('is described as the pods expect it', () => {
    const { User, Entrypoint, Labels } = image.configuration;
    const { runAsUser, runAsGroup } = restrictedPod();
    expect(User).toBe(`${runAsUser}:${runAsGroup}`);
    expect(Entrypoint[0]).toBe('node');
    expect(Labels['org.opencontainers.image.version']).toBe(pin.version);
    expect(Labels['org.opencontainers.image.licenses']).toBe('MIT');
    expect(Labels['org.opencontainers.image.revision']).toMatch(/^[0-9a-f]{40}$/);
  });

  it('has no package manager, compiler or shell', () => {
    const unwanted =
      /(^|\/)(apt|apt-get|dpkg|npm|npx|pnpm|yarn|corepack|g?cc|g\+\+|cc1|ld|strip|make|python3?|perl|sh|bash|dash)$/;
    const programs = files.filter((file) => unwanted.test(file) && /(^|\/)s?bin\//.test(file));
    expect(programs).toEqual([]);
    expect(files.filter((file) => /^(usr\/)?(local\/)?s?bin\/./.test(file))).toEqual(['usr/local/bin/node']);
  });

  it('has nothing that its user could change', () => {
    const writable = execFileSync(
      'find',
      [image.root, '-not', '-type', 'l', '(', '-uid', '1000', '-o', '-perm', '/o+w', ')', '-printf', '%P\n'],
      { encoding: 'utf8' },
    );
    expect(writable.trim().split('\n').sort()).toEqual(['tmp', 'var/lib/ghost/content']);
    expect(execFileSync('find', [image.root, '-perm', '/6000', '-print'], { encoding: 'utf8' })).toBe('');
  });

  it('left out what no server loads', () => {
    expect(files.filter((file) => /\.(map|d\.ts|cc|o)$/.test(file))).toEqual([]);
    expect(files.filter((file) => /node_modules\/(typescript|node-gyp)\//.test(file))).toEqual([]);
    expect(files.some((file) => file.endsWith('better_sqlite3.node'))).toBe(true);
  });

  it('lists what it consists of, with the checksums of the lockfiles', async () => {
    const sbom = JSON.parse(await readFileOfImage(archive, 'opt/ghost-fleet/sbom.cdx.json')) as {
      specVersion: string;
      components: { name: string; version: string; purl: string; hashes?: { alg: string; content: string }[] }[];
    };
    expect(sbom.specVersion).toBe('1.6');
    const find = (purl: string) => sbom.components.find((component) => component.purl === purl);
    expect(find(`pkg:npm/ghost@${pin.version}`)?.hashes).toEqual([
      { alg: 'SHA-512', content: Buffer.from(pin.integrity.slice(7), 'base64').toString('hex') },
    ]);
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { version: string }>;
    };
    expect(find(`pkg:npm/pg@${lock.packages['node_modules/pg']?.version}`)?.hashes).toHaveLength(1);
    expect(find('pkg:npm/better-sqlite3@12.11.1')?.hashes).toHaveLength(1);
    const node = /^NODE_VERSION=(.+)$/m.exec(readFileSync('scripts/versions.env', 'utf8'))?.[1];
    expect(find(`pkg:generic/node@${node}`)).toBeDefined();
    expect(sbom.components.filter(({ purl }) => purl.startsWith('pkg:deb/debian/libc6@'))).toHaveLength(1);
    // Every package that is there is listed.
    const store = path.join(image.root, 'opt/ghost-fleet/ghost/node_modules/.pnpm');
    expect(readdirSync(store).length).toBeGreaterThan(500);
    expect(sbom.components.filter(({ purl }) => purl.startsWith('pkg:npm/')).length).toBeGreaterThan(500);
  });
});

describe.each(['sqlite', 'database'] as const)('a container of it on %s', (strategy) => {
  let env: Record<string, string>;
  let content: string;
  let site: Awaited<ReturnType<UnpackedImage['start']>>;
  beforeAll(async () => {
    const { dir, server } = shared;
    env = await siteEnvironment({ slug: `in-a-box-${strategy}`, title: 'In a Box', dir, strategy, server });
    content = env.CONTENT_PATH ?? '';
    env = { ...env, SHUTDOWN_SECONDS: '20', mail__transport: 'stub', security__staffDeviceVerification: 'false' };
    site = await image.start(env, content);
    await site.ready(120_000);
  });
  afterAll(() => site?.remove());

  it('serves the site, its theme and Ghost Admin with its scripts', async () => {
    const front = await site.get('/');
    expect([front.status, titleOf(front)]).toEqual([200, 'In a Box']);
    await expectLinked(site, front.body, /(?:src|href)="(?:https?:\/\/[^/"]+)?(\/(?:assets|public)\/[^"]+)"/g);
    const admin = await site.get('/ghost/');
    expect(admin.status).toBe(200);
    await expectLinked(site, admin.body, /(?:src|href)="(?:\.\/)?(assets\/[^"]+\.(?:js|css))"/g, '/ghost/');
  });

  it('is set up in Ghost Admin and serves a published post', async () => {
    const admin = new GhostAdmin(env);
    await admin.setUp({
      name: 'Mira',
      email: 'mira@example.com',
      password: 'correct horse 4711 staple',
      blogTitle: 'Box',
    });
    const post = { title: 'Out of the box', html: '<p>Read-only, and yet written.</p>', status: 'published' };
    const created = await admin.send('POST', '/ghost/api/admin/posts/?source=html', { posts: [post] });
    expect(created.status).toBe(201);
    expect((await site.get('/out-of-the-box/')).body).toContain('Read-only, and yet written.');
  });

  it('runs as nobody special and can write to its own folders only', async () => {
    const script = `
      const fs = require('fs');
      const attempt = (file) => { try { fs.writeFileSync(file, ''); return 'written'; } catch (error) { return error.code; } };
      const files = ['/x', '/opt/ghost-fleet/x', '/etc/passwd', '/tmp/x', '/var/lib/ghost/content/x'];
      const [, capabilities] = /CapEff:\\s*(\\S+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'));
      console.log(JSON.stringify([process.getuid(), process.getgid(), ...files.map(attempt), capabilities]));`;
    expect(JSON.parse(await site.evaluate(script))).toEqual([
      1000,
      1000,
      'EROFS',
      'EROFS',
      'EROFS',
      'written',
      'written',
      '0000000000000000',
    ]);
  });

  it('is copied by the command of its CronJob while it serves, and comes back in a container of another site', async () => {
    const args = ['--target', 'volume'];
    const backup = await image.start(env, content, ['backup', ...args, '--retention-days', '14']);
    expect(await backup.exited(), backup.output).toBe(0);
    expect(backup.output).toMatch(
      /: backup \S+ of Ghost \S+ in \/var\/lib\/ghost\/content\/backups: database and \d+ files/,
    );
    const { dir, server } = shared;
    const copy: Record<string, string> = {
      ...(await siteEnvironment({ slug: `out-of-it-${strategy}`, title: 'Copy', dir, strategy, server })),
      ...{ SHUTDOWN_SECONDS: '20', mail__transport: 'stub' },
    };
    const place = copy.CONTENT_PATH ?? '';
    await cp(path.join(content, 'backups'), path.join(place, 'backups'), { recursive: true });
    execFileSync('chown', ['--recursive', '1000:1000', place]);
    const restore = await image.start(copy, place, ['restore', ...args, '--of', env.SITE_SLUG ?? '']);
    expect(await restore.exited(), restore.output).toBe(0);
    const restored = await image.start(copy, place);
    try {
      await restored.ready(120_000);
      expect((await restored.get('/out-of-the-box/')).body).toContain('Read-only, and yet written.');
    } finally {
      await restored.remove();
    }
  });

  it('ends at SIGTERM in time, and finds its data when it starts again', async () => {
    const started = Date.now();
    expect(await site.stop()).toBe(0);
    expect(Date.now() - started).toBeLessThan(20_000);
    const check = await image.start(env, content, ['migrate', '--check']);
    expect(await check.exited(), check.output).toBe(0);
    site = await image.start(env, content);
    await site.ready(120_000);
    expect((await site.get('/out-of-the-box/')).status).toBe(200);
  });
});

/** Asserts that what a page names is there. */
async function expectLinked(site: SiteUnderTest, page: string, pattern: RegExp, base = ''): Promise<void> {
  const paths = [...page.matchAll(pattern)].map(([, found]) => `${base}${found}`);
  expect(paths.length).toBeGreaterThan(0);
  for (const found of new Set(paths)) expect([found, (await site.get(found)).status]).toEqual([found, 200]);
}
