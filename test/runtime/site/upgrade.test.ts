import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import Database from 'better-sqlite3';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { locateSiteDatabase } from '../../../runtime/database/provision.ts';
import { namesOf } from '../../../sites/naming.ts';
import { owner } from '../../support/fixtures.ts';
import { GhostAdmin } from '../../support/ghost-admin.ts';
import { runCommand } from '../../support/run-script.ts';
import { SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const olderRelease = '6.46.0';

const shared = useTestServer();
beforeAll(async () => {
  const installed = await runCommand('sh', ['scripts/install-ghost.sh', olderRelease]);
  if (installed.exitCode !== 0) throw new Error(installed.stderr);
}, 600_000);

/** Names and columns of all tables and views of a site. */
async function schemaOf(slug: string, strategy: 'schema' | 'database'): Promise<string[]> {
  const place = locateSiteDatabase({ slug, strategy });
  const { host, port, user, password } = shared.server;
  const client = new pg.Client({ host, port, user, password, database: place.database });
  await client.connect();
  try {
    const { rows } = await client.query<{ column: string }>(
      `select table_name || '.' || column_name || ' ' || data_type as column from information_schema.columns
        where table_schema = $1 order by 1`,
      [place.schema],
    );
    return rows.map((row) => row.column);
  } finally {
    await client.end();
  }
}

describe.each(['schema', 'database'] as const)('a site of Ghost 6.46.0 on %s', (strategy) => {
  it('is upgraded to the pinned release with its content, to the very schema of a new site', async () => {
    const site = { dir: shared.dir, strategy, server: shared.server };
    const slug = `grows-${strategy}`;
    // A database comes from the template of that release.
    const ghostPath = path.resolve(`.tools/ghost-${olderRelease}`);
    const env = await siteEnvironment({ ...site, slug, title: slug, ghostPath });
    const old = await new SiteUnderTest({ ...env, GHOST_PATH: ghostPath }).ready();
    expect(old.output.includes('initialising an empty database')).toBe(strategy === 'schema');
    const admin = new GhostAdmin(env);
    await admin.setUp(owner);
    const post = { title: 'Written before the upgrade', html: '<p>Still here.</p>', status: 'published' };
    expect((await admin.send('POST', '/ghost/api/admin/posts/?source=html', { posts: [post] })).status).toBe(201);
    await old.stop();

    const upgraded = await new SiteUnderTest(env).ready();
    expect(upgraded.output).toMatch(/"missing":\d+,"msg":"migrating"/);
    expect((await upgraded.get('/written-before-the-upgrade/')).body).toContain('Still here.');
    // The session of before the upgrade is still good.
    expect((await admin.send('GET', '/ghost/api/admin/site/')).body.site.version).toBe('6.65');
    await upgraded.stop();

    const neighbour = `fresh-${strategy}`;
    const fresh = await new SiteUnderTest(
      await siteEnvironment({ ...site, slug: neighbour, title: neighbour }),
    ).ready();
    await fresh.stop();
    expect(await schemaOf(slug, strategy)).toEqual(await schemaOf(neighbour, strategy));
  });
});

describe('a site on SQLite that is behind', () => {
  it('has its migrations rehearsed on a copy while it serves, and its file stays as it is', async () => {
    const slug = 'rehearses';
    const env = await siteEnvironment({
      dir: shared.dir,
      slug,
      title: slug,
      strategy: 'sqlite',
      server: shared.server,
    });
    const site = await new SiteUnderTest(env).ready();
    const file = path.join(env.CONTENT_PATH ?? '', namesOf(slug).sqliteFile);
    const run = (sql: string) => {
      const database = new Database(file);
      database.exec(sql);
      database.close();
    };
    const rehearse = async () => {
      const rehearsal = new SiteUnderTest(env, ['migrate', '--rehearse']);
      return { code: await rehearsal.exited(), output: rehearsal.output };
    };
    run("delete from migrations where name like '%add-members-metafield-change-events.js'");
    run('drop table members_metafield_change_events');
    const before = await readFile(file);
    const files = await readdir(path.dirname(file));

    const good = await rehearse();
    expect(good.code, good.output).toBe(0);
    expect(good.output).toMatch(/{"state":"behind","missing":\["[^"\n]+"\],"rehearsed":true}\n$/);
    expect(await readFile(file)).toEqual(before);
    expect(await readdir(path.dirname(file))).toEqual(files);
    expect((await site.get('/')).status).toBe(200);
    await site.stop();

    // What another migration changes is gone: it fails, and on the copy only.
    run("delete from migrations where name like '%add-posts-auto-excerpt-and-reading-time-columns.js'");
    run('pragma foreign_keys = off; drop table posts');
    const broken = await readFile(file);
    const bad = await rehearse();
    expect(bad.code, bad.output).toBe(70);
    expect(bad.output).toContain('no such table: posts');
    expect(await readFile(file)).toEqual(broken);
    expect(await readdir(path.dirname(file))).toEqual(files);
  });
});
