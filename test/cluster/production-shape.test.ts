import { appendFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { addressesOf, blockOf } from '../../scripts/cluster/process/addresses.ts';
import { type PostgresServer, startPostgres } from '../../scripts/services/postgres.ts';
import { namesOf } from '../../sites/naming.ts';
import { requireRegistry } from '../../sites/registry.ts';
import type { Site } from '../../sites/schema.ts';
import { titleIn, useClusterFleet } from '../support/cluster/fleet.ts';
import { serviceImages } from '../support/cluster/service-images.ts';
import { owner, pixel } from '../support/fixtures.ts';
import { GhostAdmin } from '../support/ghost-admin.ts';
import { startObjectStorage, type TestObjectStorage } from '../support/object-storage.ts';

const slug = 'aurora-letters';
const host = 'aurora.example.com';
const minutes = 60_000;

let postgres: PostgresServer;
let storage: TestObjectStorage;
/** This machine's end of the cluster's network. */
let machine: string;

/** The stack `production` with a server of this machine in the place of RDS, and a bucket of it in that of S3. */
const { bed, fleet } = useClusterFleet(async ({ record }, dir) => {
  const block = blockOf(new URL(record.ingress.http).hostname);
  if (block === undefined) throw new Error(`expected a cluster of processes; got ${record.ingress.http}`);
  const addresses = addressesOf(block);
  machine = addresses.host;
  postgres = await startPostgres({
    dataDir: path.join(dir, 'postgres'),
    settings: { listen_addresses: `127.0.0.1,${machine}` },
  });
  await appendFile(path.join(dir, 'postgres', 'pg_hba.conf'), 'host all all 198.18.0.0/15 scram-sha-256\n');
  await query('postgres', 'select pg_reload_conf()');
  storage = await startObjectStorage(dir, machine);
  const { port, password } = postgres;
  const cidrs = [`${machine}/32`];
  const server = { kind: 'external', host: machine, port, ssl: 'off', cidrs, pooler: { replicas: 1 } };
  return {
    settings: {
      databaseStrategy: 'database',
      baseDomain: 'sites.fleet.localhost',
      region: 'eu',
      clusters: [{ ...server, name: 'eu-1', region: 'eu' }],
      images: { site: 'ghost-fleet/site:dev', redis: serviceImages.redis, pooler: serviceImages.pooler },
      redis: { kind: 'in-cluster' },
      media: {
        kind: 's3-compatible',
        endpoint: storage.endpoint,
        bucket: storage.bucket,
        publicUrl: `${storage.endpoint}/${storage.bucket}`,
        cidrs,
        sharedCredentials: true,
      },
    },
    secrets: {
      'ghost-fleet:clusterPasswords': JSON.stringify({ 'eu-1': password }),
      'ghost-fleet:mediaAccessKeyId': storage.accessKeyId,
      'ghost-fleet:mediaSecretAccessKey': storage.secretAccessKey,
    },
    stop: async () => {
      await storage.stop();
      await postgres.stop();
    },
  };
});
let sites: readonly Site[];
beforeAll(async () => {
  ({ sites } = await requireRegistry('sites', { clusters: [] }));
  // There is one server here, and one region.
  const yaml = path.join(fleet.project.dir, 'sites', 'slow-kitchen.yaml');
  const text = await readFile(yaml, 'utf8');
  await writeFile(yaml, text.replace('region: us', 'region: eu').replace('us-1', 'eu-1'));
});

async function query(database: string, text: string, login?: { user: string; password: string }) {
  const { port, user, password } = postgres;
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database, ...login });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

describe('pulumi up of the shape production, on a cluster', () => {
  it(
    'brings every site up on a database of its own, behind the pooler',
    async () => {
      await fleet.project.up('--skip-preview');
      for (const site of sites) {
        const page = await fleet.askUntilReady(site.domains[0] ?? '');
        expect([site.slug, titleIn(page)]).toEqual([site.slug, site.title]);
      }
      const databases = await query(
        'postgres',
        `select datname, has_database_privilege('public', oid, 'connect') as open
          from pg_database where datname like 'ghost_site_%' order by 1`,
      );
      expect(databases).toEqual(sites.map((site) => ({ datname: namesOf(site.slug).database, open: false })));
      for (const site of sites) {
        const { database, ownerRole } = namesOf(site.slug);
        const owners = "select distinct tableowner from pg_tables where schemaname = 'public'";
        expect(await query(database, owners)).toEqual([{ tableowner: ownerRole }]);
      }
      const roles = await query(
        'postgres',
        `select rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls from pg_roles where rolname like 'site_%' order by 1`,
      );
      expect(roles).toHaveLength(sites.length * 2);
      for (const { rolname: _, ...rights } of roles)
        expect(Object.values(rights)).toEqual([false, false, false, false]);
    },
    10 * minutes,
  );

  it("refuses one site's credentials at its neighbour's database", async () => {
    const encoded = await bed.kubectl.read(
      'get',
      'secret',
      'ghost-database',
      `--namespace=site-${slug}`,
      '--output=jsonpath={.data.DATABASE_PASSWORD}',
    );
    const login = { user: namesOf(slug).ownerRole, password: Buffer.from(encoded, 'base64').toString('utf8') };
    expect(await query(namesOf(slug).database, 'select 1 as one', login)).toEqual([{ one: 1 }]);
    for (const neighbour of sites.filter((site) => site.slug !== slug)) {
      await expect(query(namesOf(neighbour.slug).database, 'select 1', login)).rejects.toThrow(/permission denied/);
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
});
