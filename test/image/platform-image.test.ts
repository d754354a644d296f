import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { restrictedPod } from '../../components/pod-security.ts';
import { ownerRole, platformDatabase, provisionPlatformDatabase } from '../../runtime/platform/database/provision.ts';
import { appRole } from '../../runtime/platform/database/tenancy.ts';
import { readFileOfImage } from '../../scripts/image/archive.ts';
import { freePort } from '../../scripts/services/postgres.ts';
import { type Container, UnpackedImage } from '../support/container.ts';
import { useTestServer } from '../support/test-server.ts';

const shared = useTestServer();
const archive = process.env.PLATFORM_IMAGE_ARCHIVE ?? '';
const passwords = { owner: 'platform owner of a test', app: 'platform app of a test' };
let image: UnpackedImage;
beforeAll(async () => {
  if (archive === '') throw new Error('PLATFORM_IMAGE_ARCHIVE: expected the archive of an image (npm test builds it)');
  image = await UnpackedImage.unpack(archive, path.join(shared.dir, 'image'));
  await provisionPlatformDatabase(shared.server, passwords);
});

function environment(user: string, password: string): Record<string, string> {
  const { host, port } = shared.server;
  return {
    DATABASE_HOST: host,
    DATABASE_PORT: String(port),
    DATABASE_NAME: platformDatabase,
    DATABASE_USER: user,
    DATABASE_PASSWORD: password,
  };
}

describe("the platform's image", () => {
  it('is described as the pods expect it', () => {
    const { User, Entrypoint, Labels } = image.configuration;
    const { runAsUser, runAsGroup } = restrictedPod();
    expect(User).toBe(`${runAsUser}:${runAsGroup}`);
    expect(Entrypoint[0]).toBe('node');
    expect(Labels['org.opencontainers.image.revision']).toMatch(/^[0-9a-f]{40}$/);
  });

  it('has one program, no Ghost, and nothing that its user could change but /tmp', () => {
    const files = readdirSync(image.root, { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => /^(usr\/)?(local\/)?s?bin\/./.test(file))).toEqual(['usr/local/bin/node']);
    expect(files.filter((file) => /node_modules\/(ghost|typescript|better-sqlite3)\//.test(file))).toEqual([]);
    const found = ['-not', '-type', 'l', '(', '-uid', '1000', '-o', '-perm', '/o+w', ')', '-printf', '%P\n'];
    expect(execFileSync('find', [image.root, ...found], { encoding: 'utf8' }).trim()).toBe('tmp');
  });

  it('lists what it consists of, every package of it', async () => {
    const sbom = JSON.parse(await readFileOfImage(archive, 'opt/ghost-fleet/sbom.cdx.json')) as {
      components: { purl: string; hashes?: object[] }[];
    };
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Record<string, { version: string }>;
    };
    const fastify = `pkg:npm/fastify@${lock.packages['node_modules/fastify']?.version}`;
    expect(sbom.components.find(({ purl }) => purl === fastify)?.hashes).toHaveLength(1);
    const modules = path.join(image.root, 'opt/ghost-fleet/node_modules');
    const present = readdirSync(modules).flatMap((name) =>
      name.startsWith('@') ? readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
    );
    const listed = sbom.components.map(({ purl }) => decodeURIComponent(purl).replace(/^pkg:npm\/|@[^@]*$/g, ''));
    expect(present.filter((name) => !listed.includes(name))).toEqual([]);
  });
});

describe('containers of it', () => {
  let api: Container;
  beforeAll(async () => {
    const migration = await image.start(environment(ownerRole, passwords.owner), undefined, ['migrate']);
    expect(await migration.exited(), migration.output).toBe(0);
    const env = {
      ...environment(appRole, passwords.app),
      PORT: String(await freePort()),
      PLATFORM_URL: 'http://platform.localhost',
      SESSION_SECRET: 'a secret of a test, which is long enough',
    };
    api = await image.start(env, undefined, ['api']);
    await vi.waitFor(async () => expect(await statusOf('/livez')).toBe(200), { timeout: 60_000, interval: 200 });
  });
  afterAll(() => api?.remove());

  const statusOf = (file: string) =>
    api.get(file).then(
      ({ status }) => status,
      (error: NodeJS.ErrnoException) => `${error.code}: ${api.output}`,
    );

  it('migrate, and find nothing left to do the second time', async () => {
    const again = await image.start(environment(ownerRole, passwords.owner), undefined, ['migrate']);
    expect(await again.exited(), again.output).toBe(0);
    expect(again.output).toContain('the tables are up to date');
  });

  it('are ready with their database, and serve pages with style and charts', async () => {
    expect(await statusOf('/readyz')).toBe(200);
    expect((await api.get('/sign-in')).body).toContain('/assets/style.css');
    for (const file of ['style.css', 'charts.js', 'uplot.js', 'uplot.css'])
      expect([file, await statusOf(`/assets/${file}`)]).toEqual([file, 200]);
  });

  it('write to /tmp alone, and end at SIGTERM in order', async () => {
    const script = `
      const fs = require('fs');
      const attempt = (file) => { try { fs.writeFileSync(file, ''); return 'written'; } catch (error) { return error.code; } };
      console.log(JSON.stringify([process.getuid(), ...['/x', '/opt/ghost-fleet/x', '/tmp/x'].map(attempt)]));`;
    expect(JSON.parse(await api.evaluate(script))).toEqual([1000, 'EROFS', 'EROFS', 'written']);
    expect(await api.stop()).toBe(0);
  });

  it('say what they lack, all at once', async () => {
    const bare = await image.start({ PLATFORM_URL: 'https://platform.example.com' }, undefined, ['worker']);
    expect(await bare.exited()).toBe(78);
    for (const name of ['DATABASE_HOST', 'DATABASE_PASSWORD', 'SESSION_SECRET', 'MAIL_HOST'])
      expect(bare.output).toContain(`${name}: expected `);
  });
});
