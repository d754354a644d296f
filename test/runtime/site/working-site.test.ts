import { once } from 'node:events';
import { connect } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { databaseStrategies } from '../../../sites/naming.ts';
import { GhostAdmin } from '../../support/ghost-admin.ts';
import { SiteUnderTest, siteEnvironment, titleOf } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const owner = {
  name: 'Mira Example',
  email: 'mira@example.com',
  password: 'correct horse 4711 staple',
  blogTitle: 'Renamed by its owner',
};

const shared = useTestServer();

const directory = (env: Record<string, string>) => ({
  host: env.DATABASE_HOST ?? '',
  port: Number(env.DATABASE_PORT),
  database: env.DATABASE_NAME ?? '',
  password: env.DATABASE_PASSWORD ?? '',
});

describe.each(databaseStrategies)('a site on %s', (strategy) => {
  let env: Record<string, string>;
  let site: SiteUnderTest;
  let admin: GhostAdmin;
  beforeAll(async () => {
    env = await siteEnvironment({
      slug: `night-trains-${strategy}`,
      title: 'Night Trains',
      dir: shared.dir,
      strategy,
      server: shared.server,
    });
    site = await new SiteUnderTest({ ...env, SITE_THEME: 'casper' }).ready();
    admin = new GhostAdmin(env);
  });
  afterAll(() => site.stop());

  it('serves its own title and theme at its first boot', async () => {
    const front = await site.get('/');
    expect([front.status, titleOf(front)]).toEqual([200, 'Night Trains']);
    expect(front.body).toContain('/assets/built/casper.js');
  });

  it('is set up, signed in to, and publishes a post that the front page shows', async () => {
    await admin.setUp(owner);
    const created = await admin.send('POST', '/ghost/api/admin/posts/?source=html', {
      posts: [
        {
          title: 'The 23:05 to Vienna',
          html: '<p>It leaves on time.</p>',
          status: 'draft',
          tags: [{ name: 'Zürich' }, { name: 'Austria' }],
        },
      ],
    });
    expect(created.status).toBe(201);
    const [draft] = created.body.posts;
    const published = await admin.send('PUT', `/ghost/api/admin/posts/${draft.id}/`, {
      posts: [{ updated_at: draft.updated_at, status: 'published' }],
    });
    expect([published.status, published.body.posts[0].status]).toEqual([200, 'published']);
    expect(published.body.posts[0].tags.map((tag: { name: string }) => tag.name)).toEqual(['Zürich', 'Austria']);
    expect((await site.get('/')).body).toContain('The 23:05 to Vienna');
    expect((await site.get(`/${draft.slug}/`)).body).toContain('It leaves on time.');
  });

  it('takes members, finds them without regard to case and accents on PostgreSQL, and refuses a second one', async () => {
    const member = { name: 'Éclair Dupont', email: 'eclair@example.com', labels: [{ name: 'VIP' }] };
    expect((await admin.send('POST', '/ghost/api/admin/members/', { members: [member] })).status).toBe(201);
    const again = await admin.send('POST', '/ghost/api/admin/members/', { members: [member] });
    expect([again.status, again.body.errors[0].type]).toEqual([422, 'ValidationError']);
    const found = await admin.send(
      'GET',
      `/ghost/api/admin/members/?search=${encodeURIComponent(strategy === 'sqlite' ? 'Éclair' : 'ECLAIR')}`,
    );
    expect(found.body.members.map((one: { email: string }) => one.email)).toEqual(['eclair@example.com']);
    const labelled = await admin.send('GET', '/ghost/api/admin/members/?filter=label:vip%2Bsubscribed:true');
    expect([labelled.status, labelled.body.meta.pagination.total]).toEqual([200, 1]);
  });

  it('changes settings and themes', async () => {
    const settings = await admin.send('PUT', '/ghost/api/admin/settings/', {
      settings: [{ key: 'description', value: "Rails' end \\ begin" }],
    });
    expect(settings.status).toBe(200);
    expect(settings.body.settings.find((one: { key: string }) => one.key === 'description').value).toBe(
      "Rails' end \\ begin",
    );
    const theme = await admin.send('PUT', '/ghost/api/admin/themes/source/activate/');
    expect([theme.status, theme.body.themes[0].active]).toEqual([200, true]);
    expect((await site.get('/')).body).toContain('/assets/built/source.js');
  });

  it('names its database, shows its state and counts what it does', async () => {
    const config = await admin.send('GET', '/ghost/api/admin/config/');
    expect(config.body.config.database).toBe(strategy === 'sqlite' ? 'sqlite3' : 'postgresql');
    expect((await site.probe('/livez')).status).toBe(200);
    expect(await site.readiness()).toEqual({
      ready: true,
      phase: 'serving',
      migrations: 'ready',
      checks: { ghost: 'ok', database: 'ok' },
    });
    const metrics = (await site.probe('/metrics')).body;
    const label = `site="night-trains-${strategy}"`;
    for (const series of [
      'nodejs_eventloop_lag_seconds',
      'process_resident_memory_bytes',
      'site_database_query_seconds_count',
      'site_database_pool',
      'site_migrations',
      'site_http_request_seconds_count',
    ]) {
      const lines = metrics
        .split('\n')
        .filter((line) => line.startsWith(`${series}{`) || line.startsWith(`${series} `));
      expect(lines.length, series).toBeGreaterThan(0);
      expect(
        lines.every((line) => line.includes(label)),
        series,
      ).toBe(true);
    }
    expect(metrics).toMatch(/site_http_request_seconds_count\{[^}]*status="201"[^}]*\} [1-9]/);
  });

  it('counts the requests of visitors, and not what it asks itself', async () => {
    const sum = async (series: string) => {
      const lines = (await site.probe('/metrics')).body.split('\n').filter((line) => line.startsWith(`${series}{`));
      return lines.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
    };
    const answered = () => sum('site_http_request_seconds_count');
    const before = await answered();
    for (let time = 0; time < 3; time += 1) expect((await site.readiness()).ready).toBe(true);
    expect(await answered()).toBe(before);
    await site.get('/');
    expect(await answered()).toBe(before + 1);
    // Who leaves before the answer comes is not waited for.
    const impatient = connect(Number(env.PORT), '127.0.0.1');
    impatient.end(`GET / HTTP/1.1\r\nHost: ${new URL(env.SITE_URL ?? '').host}\r\n\r\n`, () => impatient.destroy());
    await once(impatient, 'close');
    await expect.poll(() => sum('site_http_requests_under_way'), { timeout: 10_000 }).toBe(0);
  });

  it('keeps idle connections for longer than the proxies before it do', async () => {
    const answer = await fetch(`http://127.0.0.1:${env.PORT}/`, { redirect: 'manual' });
    expect(answer.headers.get('keep-alive')).toBe('timeout=95');
    await answer.arrayBuffer();
  });

  if (strategy !== 'sqlite') {
    it('answers wrong values and broken tables as on MySQL, without showing SQL of its own', async () => {
      const wrong = await admin.send(
        'GET',
        `/ghost/api/admin/posts/?filter=${encodeURIComponent("created_at:>'not a date'")}`,
      );
      expect([wrong.status, wrong.body.errors[0].code]).toEqual([422, 'ER_WRONG_VALUE']);
      expect(wrong.body.errors[0].context).toContain("Incorrect DATETIME value: 'not a date'");

      const database = new pg.Client({ ...directory(env), user: `site_night_trains_${strategy}` });
      await database.connect();
      try {
        await database.query('alter table snippets rename to snippets_away');
        const broken = await admin.send('GET', '/ghost/api/admin/snippets/');
        expect([broken.status, broken.body.errors[0].code]).toEqual([500, 'UNEXPECTED_ERROR']);
        expect(JSON.stringify(broken.body)).not.toMatch(/select|snippets_away|relation|doesn't exist/i);
      } finally {
        await database.query('alter table snippets_away rename to snippets');
        await database.end();
      }
    });
  }

  it("keeps everything through a restart, its owner's title included", async () => {
    expect(await site.stop()).toBe(0);
    site = await new SiteUnderTest({ ...env, SITE_TITLE: 'Only a seed' }).ready();
    const front = await site.get('/');
    expect(titleOf(front)).toBe('Renamed by its owner');
    expect(front.body).toContain('The 23:05 to Vienna');
    expect(site.output).not.toContain('initialising');
  });
});
