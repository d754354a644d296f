import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { owner, pixel } from '../../support/fixtures.ts';
import { GhostAdmin } from '../../support/ghost-admin.ts';
import { startObjectStorage, type TestObjectStorage } from '../../support/object-storage.ts';
import { SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';
import { makeTheme } from '../../support/theme.ts';

const routes =
  'routes:\n  /about-us/: about\n\ncollections:\n  /:\n    permalink: /{slug}/\n    template: index\n\ntaxonomies:\n  tag: /tag/{slug}/\n  author: /author/{slug}/\n';

const shared = useTestServer();
let storage: TestObjectStorage;
beforeAll(async () => {
  storage = await startObjectStorage(shared.dir);
}, 900_000);
afterAll(() => storage?.stop());

async function environment(slug: string, strategy: 'sqlite' | 'database', bucket: TestObjectStorage) {
  const site = { dir: shared.dir, slug, title: slug, strategy, server: shared.server };
  return { ...(await siteEnvironment(site)), ...bucket.environment };
}

describe('a site whose media lie in a bucket', () => {
  it('looks the same after its pod and all its files are gone: images, theme, redirects, routes', async () => {
    const slug = 'keeps-nothing';
    const env = await environment(slug, 'database', storage);
    const site = await new SiteUnderTest(env).ready();
    const admin = new GhostAdmin(env);
    await admin.setUp(owner);

    const image = await admin.upload(
      '/ghost/api/admin/images/upload/',
      'file',
      new File([pixel], 'pixel.png', { type: 'image/png' }),
    );
    expect(image.status).toBe(201);
    const imageUrl = image.body.images[0].url as string;
    expect(imageUrl).toMatch(
      new RegExp(`^${storage.endpoint}/media/${slug}/content/images/\\d{4}/\\d{2}/pixel\\.png$`),
    );
    const theme = await admin.upload(
      '/ghost/api/admin/themes/upload/',
      'file',
      await makeTheme(shared.dir, 'nightly', 'mark one'),
    );
    expect(theme.status, JSON.stringify(theme.body)).toBe(200);
    expect((await admin.send('PUT', '/ghost/api/admin/themes/nightly/activate/')).status).toBe(200);
    const again = await admin.upload(
      '/ghost/api/admin/themes/upload/',
      'file',
      await makeTheme(shared.dir, 'nightly', 'mark two'),
    );
    expect(again.status).toBe(200);
    const gone = await admin.upload(
      '/ghost/api/admin/themes/upload/',
      'file',
      await makeTheme(shared.dir, 'passing', 'mark three'),
    );
    expect(gone.status).toBe(200);
    expect((await admin.send('DELETE', '/ghost/api/admin/themes/passing/')).status).toBe(204);
    const redirects = new File([JSON.stringify([{ from: '^/old', to: '/new', permanent: true }])], 'redirects.json', {
      type: 'application/json',
    });
    expect((await admin.upload('/ghost/api/admin/redirects/upload/', 'redirects', redirects)).status).toBe(200);
    const yaml = new File([routes], 'routes.yaml', { type: 'text/yaml' });
    expect((await admin.upload('/ghost/api/admin/settings/routes/yaml/', 'routes', yaml)).status).toBe(200);
    const before = await site.get('/');
    expect(before.body).toContain('mark two');

    await site.stop('SIGKILL');
    await rm(env.CONTENT_PATH ?? '', { recursive: true });
    const reborn = await new SiteUnderTest(env).ready();
    const after = await reborn.get('/');
    expect(after.status).toBe(200);
    expect(after.body).toContain('mark two');
    expect((await reborn.get('/old')).status).toBe(301);
    const themes = (await admin.send('GET', '/ghost/api/admin/themes/')).body.themes as {
      name: string;
      active: boolean;
    }[];
    expect(themes.find(({ active }) => active)?.name).toBe('nightly');
    expect(themes.map(({ name }) => name)).not.toContain('passing');
    const live = await fetch(imageUrl);
    expect([live.status, Buffer.from(await live.arrayBuffer()).equals(pixel)]).toEqual([200, true]);
    // What sites do not publish is nobody's to read.
    for (const name of ['themes/nightly.zip', 'settings/redirects.json']) {
      expect((await fetch(`${storage.endpoint}/media/${slug}/private/${name}`)).status).toBe(403);
    }
    await reborn.stop();
  });

  it('does not acknowledge a theme that could not be stored, and does not start without its bucket', async () => {
    const slug = 'loses-bucket';
    const own = await startObjectStorage(path.join(shared.dir, 'own'));
    const env = await environment(slug, 'sqlite', own);
    const site = await new SiteUnderTest(env).ready();
    const admin = new GhostAdmin(env);
    await admin.setUp(owner);
    await own.stop();
    const answer = await admin
      .upload('/ghost/api/admin/themes/upload/', 'file', await makeTheme(shared.dir, 'unsaved', 'mark'))
      .then(
        ({ status }) => status,
        (error: NodeJS.ErrnoException) => error.code,
      );
    expect([503, 'ECONNRESET']).toContain(answer);
    await site.stop();
    const blind = new SiteUnderTest(env);
    expect(await blind.exited()).toBe(69);
    expect(blind.output).toContain('the bucket of the site did not answer');
    expect(blind.output).not.toContain(own.secretAccessKey);
  });
});
