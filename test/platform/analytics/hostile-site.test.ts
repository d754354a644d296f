import type pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { storePoolerCredential } from '../../../components/provider/pooler-credential.ts';
import { scramVerifier } from '../../../components/provider/scram.ts';
import { DatabaseReader } from '../../../runtime/database/analytics/reader.ts';
import { SiteDatabases, type SitePlace } from '../../../runtime/database/connection.ts';
import { provisionSiteDatabase, type SiteDatabase, withClient } from '../../../runtime/database/provision.ts';
import { postgres, siteNumbersSql } from '../../../runtime/site/analytics/queries.ts';
import { settleReader } from '../../../scripts/services/site-database.ts';
import { deriveSecret } from '../../../sites/derived-secret.ts';
import { namesOf } from '../../../sites/naming.ts';
import { analyticsKey } from '../../support/analytics-fleet.ts';
import { startTestPgBouncer, type TestPgBouncer } from '../../support/pgbouncer-server.ts';
import { SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const shared = useTestServer();
const window = { from: '2026-03-09', through: '2026-03-10' };
let pooler: TestPgBouncer;

const placeOf = (slug: string): SitePlace => ({ slug, strategy: 'schema', cluster: null });

function readerAt(port: number): DatabaseReader {
  const servers = { default: { host: '127.0.0.1', port } };
  return new DatabaseReader(new SiteDatabases({ servers, key: analyticsKey }), { timeoutMs: 5_000 });
}

/** A site in a schema, initialised by Ghost, with what the provider leaves for analytics. */
async function createSite(slug: string): Promise<SiteDatabase> {
  const { server, dir } = shared;
  const env = await siteEnvironment({ slug, title: slug, dir, strategy: 'schema', server });
  const verifier = scramVerifier(deriveSecret(analyticsKey, 'reader-password', slug));
  const request = { slug, strategy: 'schema', password: 'a-password', readerPassword: verifier } as const;
  const place = await provisionSiteDatabase(server, request);
  await withClient(server, place.database, (client) =>
    storePoolerCredential(client, place.database, 'pgbouncer', namesOf(slug).readerRole, verifier),
  );
  const migrator = new SiteUnderTest(env, ['migrate']);
  expect([await migrator.exited(), migrator.output]).toEqual([0, expect.any(String)]);
  return place;
}

/** As a site's owner, which whoever breaks into its Ghost is. */
function asOwner<T>(place: SiteDatabase, use: (client: pg.Client) => Promise<T>): Promise<T> {
  return withClient({ ...shared.server, user: place.user, password: 'a-password' }, place.database, use);
}

/** Adds members to a site, as its owner. */
async function addMembers(place: SiteDatabase, count: number): Promise<void> {
  await asOwner(place, (client) =>
    client.query(
      `insert into members (id, uuid, transient_id, email, status, created_at)
       select lpad(n::text, 24, '0'), gen_random_uuid()::text, n::text, n || '@example.com', 'free', now()::timestamp
         from generate_series(1, $1::integer) as n`,
      [count],
    ),
  );
}

let victim: SiteDatabase;
let hostile: SiteDatabase;

beforeAll(async () => {
  await withClient(shared.server, 'postgres', (client) =>
    client.query("create role pgbouncer login password 'looks-passwords-up'"),
  );
  pooler = await startTestPgBouncer(shared.dir, shared.server, 'looks-passwords-up');
  [victim, hostile] = [await createSite('quiet-victim'), await createSite('loud-neighbour')];
  await addMembers(victim, 7);
  await addMembers(hostile, 3);
  return () => pooler.stop();
}, 300_000);

describe('sites of one database', () => {
  it('are each read through a pooler in transaction mode, with what one key gives', async () => {
    const reader = readerAt(pooler.port);
    const totals = await Promise.all(
      ['quiet-victim', 'loud-neighbour', 'quiet-victim', 'loud-neighbour'].map(
        async (slug) => (await reader.read(placeOf(slug), window)).days.at(-1)?.membersTotal,
      ),
    );
    expect(totals).toEqual([7, 3, 7, 3]);
  });

  it('are not read with another key', async () => {
    const servers = { default: shared.server };
    const reader = new DatabaseReader(new SiteDatabases({ servers, key: 'another key of another platform, as long' }));
    await expect(reader.read(placeOf('quiet-victim'), window)).rejects.toThrow(
      /quiet-victim: password authentication failed/,
    );
  });
});

describe('a site whose owner puts code in the place of a table', () => {
  /** Members are now a view, whose function does what its body says as whoever reads it. */
  async function plant(body: string): Promise<void> {
    await asOwner(hostile, async (client) => {
      await client.query(
        `do $$ begin alter table members rename to real_members; exception when undefined_table or duplicate_table then null; end $$`,
      );
      await client.query(
        `create or replace function evil() returns bigint language plpgsql as $$ begin ${body} end $$`,
      );
      await client.query(
        "create or replace view members as select 'free'::varchar as status, n as id from generate_series(1, evil()) as n",
      );
      await settleReader(client, hostile.schema, 'loud-neighbour');
      await client.query(`grant select on members to ${namesOf('loud-neighbour').readerRole}`);
    });
  }
  const membersNow = async () =>
    (await readerAt(pooler.port).read(placeOf('loud-neighbour'), window)).days.at(-1)?.membersTotal;

  it('runs it as its own analytics role, and may make its own numbers up', async () => {
    await plant('return 41;');
    expect(await membersNow()).toBe(41);
  });

  it.each([
    ['reads', `return (select count(*) from ${namesOf('quiet-victim').schema}.members);`],
    [
      'takes the role of',
      `perform set_config('role', '${namesOf('quiet-victim').readerRole}', true);
       return (select count(*) from ${namesOf('quiet-victim').schema}.members);`,
    ],
  ])('%s its neighbour in vain', async (_, body) => {
    await plant(body);
    await expect(membersNow()).rejects.toThrow(/permission denied/);
  });

  it('answers with no more rows and letters than a site has', async () => {
    await asOwner(hostile, (client) =>
      client.query(
        `create or replace view members as select (md5(n::text) || repeat('x', 10000))::varchar as status, n as id from generate_series(1, 200000::bigint) as n`,
      ),
    );
    const { readerRole } = namesOf('loud-neighbour');
    const password = deriveSecret(analyticsKey, 'reader-password', 'loud-neighbour');
    const login = { ...shared.server, port: pooler.port, user: readerRole, password };
    const rows = await withClient(login, hostile.database, (client) =>
      client.query<{ key: string }>(siteNumbersSql(postgres), [window.from]),
    );
    expect(rows.rowCount).toBe(50_000);
    expect(Math.max(...rows.rows.map(({ key }) => key?.length ?? 0))).toBe(32);
  });

  it('holds nobody up: what takes for ever ends with the time of its turn', async () => {
    await plant("perform set_config('statement_timeout', '0', true); perform pg_sleep(60); return 1;");
    const started = performance.now();
    await expect(membersNow()).rejects.toThrow('loud-neighbour: no answer within 5 s');
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
