import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { provisionSiteDatabase, type SiteDatabase } from '../../../runtime/database/provision.ts';
import { useTestServer } from '../../support/test-server.ts';

const shared = useTestServer();

/** Runs statements as a role, each on its own, and gives the last one's rows or the error's SQLSTATE. */
async function as(user: string, password: string, database: string, ...statements: string[]): Promise<unknown> {
  const client = new pg.Client({ host: shared.server.host, port: shared.server.port, user, password, database });
  try {
    await client.connect();
    let rows: unknown[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.end();
  }
}

const denied = '42501';

describe.each(['database', 'schema'] as const)('provisioning a %s for a site', (strategy) => {
  const slugs = [`first-${strategy}`, `second-${strategy}`, `${strategy}-${'long'.repeat(8)}`.slice(0, 40)];
  const places: SiteDatabase[] = [];
  beforeAll(async () => {
    // At once, as a fleet does it.
    places.push(
      ...(await Promise.all(
        slugs.map((slug) =>
          provisionSiteDatabase(shared.server, {
            slug,
            strategy,
            password: `pw-${slug}`,
            readerPassword: `read-${slug}`,
          }),
        ),
      )),
    );
  });
  const place = (at: number) => places[at] as SiteDatabase;
  const asOwner = (at: number, database: string, ...statements: string[]) =>
    as(place(at).user, `pw-${slugs[at]}`, database, ...statements);

  it('gives each site its own place and role', () => {
    expect(new Set(places.map((one) => `${one.database}.${one.schema}`)).size).toBe(slugs.length);
    expect(new Set(places.map((one) => one.user)).size).toBe(slugs.length);
  });

  it('keeps the owner of one site out of its neighbour', async () => {
    const neighbour = place(1);
    await asOwner(1, neighbour.database, 'create table posts (id integer)', 'insert into posts values (7)');
    if (strategy === 'database') {
      expect(await asOwner(0, neighbour.database, 'select 1')).toBe(denied);
      expect(await asOwner(0, 'postgres', 'create table mine (id integer)')).toBe(denied);
    } else {
      expect(await asOwner(0, neighbour.database, `select * from ${neighbour.schema}.posts`)).toBe(denied);
      expect(await asOwner(0, neighbour.database, `create table ${neighbour.schema}.mine (id integer)`)).toBe(denied);
      expect(await asOwner(0, neighbour.database, 'create table public.mine (id integer)')).toBe(denied);
    }
    expect(await asOwner(0, place(0).database, `set role ${neighbour.user}`)).toBe(denied);
  });

  it('lets a role own its tables and nothing else', async () => {
    const own = place(2);
    expect(
      await asOwner(
        2,
        own.database,
        'create table t (v text collate mysql_compat.ai_ci)',
        "insert into t values ('Éclair')",
        "select count(*)::int as n from t where v = 'ECLAIR'",
      ),
    ).toEqual([{ n: 1 }]);
    expect(
      await asOwner(2, own.database, 'create function mysql_compat.version() returns text language sql return 1'),
    ).toBe(denied);
    expect(await asOwner(2, own.database, 'drop collation mysql_compat.ai_ci')).toBe(denied);
    expect(await asOwner(2, own.database, 'create temporary table scratch (id integer)')).toBe(denied);
    expect(await asOwner(2, own.database, 'create database another')).toBe(denied);
    expect(await asOwner(2, own.database, 'create role another')).toBe(denied);
  });

  it('sets search path, time zone and limits on the role, where a pooler cannot lose them', async () => {
    const own = place(0);
    const shown = await asOwner(
      0,
      own.database,
      "select current_setting('search_path') as path, current_setting('timezone') as zone, current_setting('statement_timeout') as limit, current_schema()::text as schema",
    );
    const path = strategy === 'database' ? 'public, mysql_compat' : `${own.schema}, public, mysql_compat`;
    expect(shown).toEqual([{ path, zone: 'UTC', limit: '30s', schema: own.schema }]);
  });

  it('gives analytics a role that reads what it is granted and writes nothing', async () => {
    const own = place(1);
    await asOwner(1, own.database, `grant select on posts to ${own.user}_reader`);
    const read = (...statements: string[]) => as(`${own.user}_reader`, `read-${slugs[1]}`, own.database, ...statements);
    expect(await read('select id from posts')).toEqual([{ id: 7 }]);
    expect(await read('insert into posts values (8)')).toBe(denied);
    expect(await read('create table mine (id integer)')).toBe(denied);
  });

  it('repeats without touching data, and takes a new password', async () => {
    await provisionSiteDatabase(shared.server, { slug: slugs[1] ?? '', strategy, password: 'a new one' });
    const own = place(1);
    expect(await as(own.user, 'a new one', own.database, 'select id from posts')).toEqual([{ id: 7 }]);
    expect(await as(own.user, `pw-${slugs[1]}`, own.database, 'select 1')).toBe('28P01');
  });
});
