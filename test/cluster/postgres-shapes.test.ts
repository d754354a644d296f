import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { namesOf } from '../../sites/naming.ts';
import { eventually } from '../support/cluster/bed.ts';
import { titleIn, useFleetCluster } from '../support/cluster/fleet.ts';
import { PostgresFleet } from '../support/cluster/postgres-fleet.ts';
import { SiteLoad } from '../support/cluster/site-load.ts';
import { owner, pixel } from '../support/fixtures.ts';
import { GhostAdmin } from '../support/ghost-admin.ts';
import { runScript } from '../support/run-script.ts';

const slug = 'aurora-letters';
const host = 'aurora.example.com';
const minutes = 60_000;

/** The project's sites, all of them in the one region that there is here. */
async function registryInEurope(): Promise<Record<string, string>> {
  const slugs = ['aurora-letters', 'harbour-notes', 'slow-kitchen'];
  const texts = slugs.map(async (name): Promise<[string, string]> => {
    const text = await readFile(`sites/${name}.yaml`, 'utf8');
    return [`${name}.yaml`, text.replace('region: us', 'region: eu').replace('us-1', 'eu-1')];
  });
  return Object.fromEntries(await Promise.all(texts));
}

function yamlOf(name: string, title: string): string {
  return `slug: ${name}\ncreator: mira@example.com\ntitle: ${title}\ndomains: [${name}.example.org]\nplan: starter\n`;
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

const bed = useFleetCluster();
const production = new PostgresFleet(bed, {
  databaseStrategy: 'database',
  namespace: 'production',
  registry: await registryInEurope(),
});
// Beside it, since a cluster for each would take longer than the tests.
const staging = new PostgresFleet(bed, {
  databaseStrategy: 'schema',
  namespace: 'staging',
  registry: {
    'evening-post.yaml': yamlOf('evening-post', 'Evening Post'),
    'north-sea.yaml': yamlOf('north-sea', 'North Sea'),
  },
});

/** Rights of roles that would let a site out of its own place. */
const roleRights = `select rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication
  from pg_roles where rolname like 'site_%' order by 1`;

describe('pulumi up of the shape production, on a cluster', () => {
  const { fleet } = production;

  it(
    'brings every site up on a database of its own, behind the pooler',
    async () => {
      await fleet.project.up('--skip-preview');
      for (const site of fleet.sites) {
        const page = await fleet.askUntilReady(site.domains[0] ?? '');
        expect([site.slug, titleIn(page)]).toEqual([site.slug, site.title]);
      }
      const databases = await production.query(
        'postgres',
        `select datname, has_database_privilege('public', oid, 'connect') as open
          from pg_database where datname like 'ghost_site_%' order by 1`,
      );
      expect(databases).toEqual(fleet.sites.map((site) => ({ datname: namesOf(site.slug).database, open: false })));
      for (const site of fleet.sites) {
        const { database, ownerRole } = namesOf(site.slug);
        const owners = "select distinct tableowner from pg_tables where schemaname = 'public'";
        expect(await production.query(database, owners)).toEqual([{ tableowner: ownerRole }]);
      }
      const roles = await production.query('postgres', roleRights);
      expect(roles).toHaveLength(fleet.sites.length * 2);
      for (const { rolname: _, ...rights } of roles) expect(Object.values(rights)).not.toContain(true);
    },
    10 * minutes,
  );

  it("refuses one site's credentials at its neighbour's database", async () => {
    const login = await production.loginOf(slug);
    expect(await production.query(namesOf(slug).database, 'select 1 as one', login)).toEqual([{ one: 1 }]);
    for (const neighbour of fleet.sites.filter((site) => site.slug !== slug)) {
      const asked = production.query(namesOf(neighbour.slug).database, 'select 1', login);
      await expect(asked).rejects.toThrow(/permission denied/);
    }
  });

  it(
    'keeps nothing that matters in a pod',
    async () => {
      const admin = new GhostAdmin({ ...fleet.door, SITE_URL: `http://${host}` });
      await admin.setUp(owner);
      const file = new File([pixel], 'pixel.png', { type: 'image/png' });
      const image = await admin.upload('/ghost/api/admin/images/upload/', 'file', file);
      expect(image.status).toBe(201);
      const post = {
        title: 'Kept elsewhere',
        html: '<p>In a database.</p>',
        status: 'published',
        feature_image: image.body.images[0].url,
      };
      expect((await admin.send('POST', '/ghost/api/admin/posts/?source=html', { posts: [post] })).status).toBe(201);
      await fleet.killPod(slug);
      expect((await fleet.askUntilReady(host, '/kept-elsewhere/')).body).toContain('In a database.');
      const kept = await fetch(image.body.images[0].url);
      expect([kept.status, Buffer.from(await kept.arrayBuffer()).equals(pixel)]).toEqual([200, true]);
    },
    3 * minutes,
  );

  it('is seen by npm run site:status', async () => {
    const status = (...args: string[]) =>
      runScript('scripts/site-status.ts', ['--context', 'ghost-fleet', ...args], { KUBECONFIG: bed.folder.kubeconfig });
    const shown = await status('--json');
    expect([shown.exitCode, shown.stderr]).toEqual([0, '']);
    expect(JSON.parse(shown.stdout)).toEqual(
      fleet.sites.map((site) => ({
        site: site.slug,
        state: 'ready',
        version: 'site:dev',
        database: `postgres ${namesOf(site.slug).database} on pooler-eu-1.production.svc.cluster.local`,
        replicas: '1/1',
        restarts: 0,
        lastBackup: 'suspended',
        url: `http://${site.domains[0]}`,
      })),
    );
    const table = await status(slug);
    expect([table.exitCode, table.stdout.trim().split('\n').length]).toEqual([0, 2]);
    expect(table.stdout).toMatch(/^aurora-letters +ready +site:dev +postgres ghost_site_aurora_letters on /m);
    expect(await status('night-trains')).toMatchObject({ exitCode: 78, stdout: '' });
  });

  it(
    'goes from one pod to three, through a release and back with its load, and every request is answered',
    async () => {
      const busy = 'harbour-notes';
      await fleet.rewriteSite(busy, (text) => `${text}scaling: { min: 1, max: 3 }\n`);
      const { output } = await fleet.project.up('--skip-preview');
      expect(output).toContain(`${busy}: with scaling.max 3 a change in Ghost Admin`);
      expect(await fleet.countPods(busy)).toEqual({ ready: 1, all: 1 });
      const reach = (pods: number) =>
        eventually(async () => {
          const scaler = await bed.kubectl.read('get', 'hpa', 'ghost', `--namespace=site-${busy}`);
          expect(await fleet.countPods(busy), scaler).toEqual({ ready: pods, all: pods });
        }, 6 * minutes);

      const visits = { door: fleet.door, host: 'notes.harbour.example.net' };
      const paths = ['/', '/rss/', '/assets/built/screen.css'];
      const crowd = new SiteLoad({ ...visits, paths, visitors: 4, burst: 200 });
      onTestFinished(async () => void (await crowd.stop()));
      await reach(3);
      const [before, already] = [await fleet.requestsOf(busy), crowd.requests];
      await eventually(async () => {
        expect(crowd.requests).toBeGreaterThan(2_000);
        expect(crowd.requests - already).toBeGreaterThan(1_000);
      }, 6 * minutes);
      const shares = await fleet.requestsOf(busy);
      // A release, while all are busy: each of the three goes once another has taken its place.
      await fleet.rewriteSite(busy, (text) => text.replace('title: Harbour Notes', 'title: Harbour News'));
      const beforeRelease = crowd.requests;
      await fleet.project.up('--skip-preview');
      await reach(3);
      expect((await fleet.podsOf(busy)).filter((pod) => shares.has(pod))).toEqual([]);
      console.log(`${busy}: ${crowd.requests - beforeRelease} requests during a release to three pods`);
      expect(crowd.requests - beforeRelease).toBeGreaterThan(200);
      const { requests, refused, slowestMs } = await crowd.stop();
      const counts = [...shares.values()];
      console.log(
        `${busy}: ${requests} requests, the slowest took ${slowestMs} ms; of the first ${sumOf(counts)} by pod ${counts.join(', ')}`,
      );
      expect(refused).toEqual([]);
      const served = [...shares].map(([pod, count]) => count - (before.get(pod) ?? Number.NaN));
      expect(served).toHaveLength(3);
      for (const count of served) expect(count / sumOf(served)).toBeGreaterThan(0.2);

      const passers = new SiteLoad({ ...visits, paths: ['/'], visitors: 1, burst: 1, pauseMs: 1_000 });
      onTestFinished(async () => void (await passers.stop()));
      await reach(1);
      const quiet = await passers.stop();
      console.log(`${busy}: ${quiet.requests} requests while pods went, the slowest took ${quiet.slowestMs} ms`);
      expect(quiet.refused).toEqual([]);
      expect(quiet.requests).toBeGreaterThan(20);
    },
    20 * minutes,
  );
});

describe('pulumi up of the shape staging, on a cluster', () => {
  const { fleet } = staging;
  const database = 'ghost_sites';
  const [one, other] = [namesOf('evening-post'), namesOf('north-sea')];

  it(
    'brings every site up in a schema of its own of one database, behind the pooler',
    async () => {
      await fleet.project.up('--skip-preview');
      for (const site of fleet.sites) {
        const page = await fleet.askUntilReady(site.domains[0] ?? '');
        expect([site.slug, titleIn(page)]).toEqual([site.slug, site.title]);
      }
      const databases = "select datname from pg_database where datname like 'ghost_%' order by 1";
      expect(await staging.query('postgres', databases)).toEqual([{ datname: database }]);
      const schemas = `select nspname, pg_get_userbyid(nspowner) as owner from pg_namespace where nspname like 'site_%' order by 1`;
      expect(await staging.query(database, schemas)).toEqual(
        [one, other].map(({ schema, ownerRole }) => ({ nspname: schema, owner: ownerRole })),
      );
      const tables = `select schemaname, tableowner, count(*) > 50 as whole from pg_tables
        where schemaname like 'site_%' or schemaname = 'public' group by 1, 2 order by 1`;
      expect(await staging.query(database, tables)).toEqual(
        [one, other].map(({ schema, ownerRole }) => ({ schemaname: schema, tableowner: ownerRole, whole: true })),
      );
    },
    6 * minutes,
  );

  it('grants a schema to its owner and its reader, and to nobody else', async () => {
    const grants = `select nspname, case grantee when 0 then 'public' else pg_get_userbyid(grantee) end as grantee,
        string_agg(privilege_type, ' ' order by privilege_type) as rights
      from pg_namespace, aclexplode(nspacl) where nspname like 'site_%' group by 1, 2 order by 1, 2`;
    expect(await staging.query(database, grants)).toEqual(
      [one, other].flatMap(({ schema, ownerRole, readerRole }) => [
        { nspname: schema, grantee: ownerRole, rights: 'CREATE USAGE' },
        { nspname: schema, grantee: readerRole, rights: 'USAGE' },
      ]),
    );
    const connecting = `select case grantee when 0 then 'public' else pg_get_userbyid(grantee) end as grantee
      from pg_database, aclexplode(datacl) where datname = '${database}' and privilege_type = 'CONNECT' order by 1`;
    const roles = [one, other].flatMap(({ ownerRole, readerRole }) => [ownerRole, readerRole]);
    const named = (await staging.query('postgres', connecting)).map(({ grantee }) => grantee);
    expect(named).toEqual(expect.arrayContaining(roles));
    expect(named).not.toContain('public');
    const rights = await staging.query('postgres', roleRights);
    expect(rights.map(({ rolname }) => rolname)).toEqual(roles);
    for (const { rolname: _, ...own } of rights) expect(Object.values(own)).not.toContain(true);
  });

  it("refuses one site's credentials in its neighbour's schema", async () => {
    const login = await staging.loginOf('evening-post');
    const path = await staging.query(database, 'show search_path', login);
    expect(path).toEqual([{ search_path: `${one.schema}, public, mysql_compat` }]);
    const titles = "select value from settings where key = 'title'";
    expect(await staging.query(database, titles, login)).toEqual([{ value: 'Evening Post' }]);
    const refused = [
      `select count(*) from ${other.schema}.posts`,
      `create table ${other.schema}.planted (id int)`,
      'create table public.planted (id int)',
      'create schema planted',
      `set role ${other.ownerRole}`,
    ];
    for (const statement of refused) {
      await expect(staging.query(database, statement, login), statement).rejects.toThrow(/permission denied/);
    }
  });
});
