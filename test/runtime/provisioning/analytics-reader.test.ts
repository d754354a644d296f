import path from 'node:path';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Administrator, provisionSiteDatabase, type SiteDatabase } from '../../../runtime/database/provision.ts';
import { analyticsTables } from '../../../runtime/site/migration/analytics-tables.ts';
import { SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const shared = useTestServer();
const readerPassword = 'reads-and-nothing-else';
const denied = '42501';

/** As a managed server's: may create roles and databases, and is no superuser. */
const admin = (): Administrator => ({ ...shared.server, user: 'fleet_admin', password: 'an-administrator' });

beforeAll(async () => {
  await query({}, "create role fleet_admin login createdb createrole password 'an-administrator'");
});

type Login = { readonly user?: string; readonly password?: string; readonly database?: string };

/** Rows of a statement, or the error's SQLSTATE. */
async function query(login: Login, statement: string): Promise<Record<string, unknown>[] | string> {
  const { host, port, user, password } = shared.server;
  const client = new pg.Client({ host, port, user, password, database: 'postgres', ...login });
  try {
    await client.connect();
    return (await client.query(statement)).rows as Record<string, unknown>[];
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.end();
  }
}

interface Site {
  readonly env: Record<string, string>;
  readonly place: SiteDatabase;
}

async function provision(slug: string, strategy: 'schema' | 'database', ghostPath?: string): Promise<Site> {
  const given = { slug, title: slug, dir: shared.dir, strategy, server: admin() };
  const env = await siteEnvironment({ ...given, ...(ghostPath === undefined ? {} : { ghostPath }) });
  const place = await provisionSiteDatabase(admin(), { slug, strategy, password: 'a-password', readerPassword });
  return { env, place };
}

async function migrate(site: Site): Promise<string> {
  const migrator = new SiteUnderTest(site.env, ['migrate']);
  expect([await migrator.exited(), migrator.output]).toEqual([0, expect.any(String)]);
  return migrator.output;
}

describe.each([
  ['an empty database', 'database', undefined],
  ['a clone of a template', 'database', path.resolve('.tools/ghost')],
  ['a schema', 'schema', undefined],
] as const)('the analytics role of a site that began as %s', (kind, strategy, ghostPath) => {
  let site: Site;
  let neighbour: Site;
  beforeAll(async () => {
    const name = kind.split(' ').at(-1);
    site = await provision(`read-${name}`, strategy, ghostPath);
    neighbour = await provision(`beside-${name}`, strategy);
    await asOwner(neighbour, 'create table posts (id text)');
    await migrate(site);
  }, 300_000);

  const asOwner = ({ place }: Site, statement: string) =>
    query({ user: place.user, password: 'a-password', database: place.database }, statement);
  const asReader = (statement: string, { place: { database } } = site) =>
    query({ user: `${site.place.user}_reader`, password: readerPassword, database }, statement);

  /** Columns of the tables and views of the site. */
  async function columnsByTable(): Promise<Map<string, string[]>> {
    const rows = (await asOwner(
      site,
      `select relname::text as "table", attname::text as "column" from pg_class join pg_attribute on attrelid = pg_class.oid
        where relnamespace = current_schema()::regnamespace and relkind in ('r', 'v') and attnum > 0 and not attisdropped`,
    )) as { table: string; column: string }[];
    const tables = Map.groupBy(rows, ({ table }) => table);
    return new Map([...tables].map(([table, columns]) => [table, columns.map(({ column }) => column)]));
  }

  /** Every right of the role on tables and columns. */
  const rights = () =>
    asOwner(
      site,
      `select relname, null as attname, privilege_type from pg_class, aclexplode(relacl)
        where relnamespace = current_schema()::regnamespace and grantee::regrole::text = current_user || '_reader'
        union all
       select relname, attname, privilege_type from pg_class join pg_attribute on attrelid = pg_class.oid, aclexplode(attacl)
        where relnamespace = current_schema()::regnamespace and grantee::regrole::text = current_user || '_reader'
        order by 1, 2, 3`,
    );

  /** The catalogue's rows of the tables, by the transactions that wrote them. */
  const versions = () =>
    asOwner(
      site,
      `select relname, xmin::text from pg_class where relnamespace = current_schema()::regnamespace order by relname`,
    );

  it('reads what it is named', async () => {
    const tables = await columnsByTable();
    for (const [table, { columns }] of Object.entries(analyticsTables)) {
      expect([table, tables.get(table)]).toEqual([table, expect.arrayContaining([...(columns ?? ['id'])])]);
      expect(await asReader(`select ${columns?.join(', ') ?? '*'} from ${table} limit 0`)).toEqual([]);
    }
    expect(await asReader('select count(*)::int as posts from posts')).toEqual([{ posts: expect.any(Number) }]);
  });

  it('reads no other table: no settings, sessions, tokens, keys', async () => {
    const others = [...(await columnsByTable()).keys()].filter((table) => analyticsTables[table] === undefined);
    expect(others).toEqual(
      expect.arrayContaining([
        'settings',
        'sessions',
        'tokens',
        'invites',
        'api_keys',
        'webhooks',
        'members_stripe_customers',
      ]),
    );
    for (const table of others) expect([table, await asReader(`select 1 from ${table}`)]).toEqual([table, denied]);
  });

  it('reads no column beside the named ones: no names, addresses, texts or passwords', async () => {
    const tables = await columnsByTable();
    const closed = Object.entries(analyticsTables).flatMap(([table, { columns }]) =>
      columns === undefined
        ? []
        : (tables.get(table) ?? []).filter((column) => !columns.includes(column)).map((column) => `${table}.${column}`),
    );
    expect(closed).toEqual(
      expect.arrayContaining([
        'members.email',
        'members.uuid',
        'users.password',
        'posts.lexical',
        'posts.uuid',
        'comments.html',
      ]),
    );
    for (const column of closed) {
      const [table, name] = column.split('.');
      expect([column, await asReader(`select "${name}" from ${table}`)]).toEqual([column, denied]);
    }
    expect(await asReader('select * from members')).toBe(denied);
  });

  it('writes nothing, anywhere', async () => {
    for (const statement of [
      "insert into members_status_events (id) values ('x')",
      'update posts set status = status',
      'delete from members_cancel_events',
      'truncate roles',
      'select id from posts for update',
      'create table mine (id integer)',
      'create temporary table mine (id integer)',
      'drop table posts',
      `set role ${site.place.user}`,
    ]) {
      expect([statement, await asReader(statement)]).toEqual([statement, denied]);
    }
  });

  it("reads nothing of a neighbour's", async () => {
    const of = `${neighbour.place.schema}.posts`;
    expect(await asReader(`select * from ${of}`, neighbour)).toBe(denied);
    expect(await asOwner(neighbour, 'select id from posts')).toEqual([]);
  });

  it('has the same rights after another migration, which touches none', async () => {
    const [before, untouched] = [await rights(), await versions()];
    expect(before.length).toBeGreaterThan(100);
    await migrate(site);
    expect([await rights(), await versions()]).toEqual([before, untouched]);
  });

  it('loses what it was given besides, and gets back what it was robbed of', async () => {
    const before = await rights();
    const reader = `${site.place.user}_reader`;
    await asOwner(site, `grant select on settings to ${reader}`);
    await asOwner(site, `grant insert, delete on posts to ${reader}`);
    await asOwner(site, `grant select on members to ${reader}`);
    await asOwner(site, `grant update (password) on users to ${reader}`);
    await asOwner(site, `revoke all on members_status_events from ${reader}`);
    expect(await asReader('select count(*) from settings')).not.toBe(denied);
    await migrate(site);
    expect(await rights()).toEqual(before);
    for (const table of ['settings', 'members']) expect(await asReader(`select * from ${table}`)).toBe(denied);
    expect(await asReader('select id from posts')).toEqual(expect.any(Array));
  });

  it('need not be there', async () => {
    const reader = `${site.place.user}_reader`;
    expect(await query({ database: site.place.database }, `drop owned by ${reader}`)).toEqual([]);
    expect(await query({}, `drop owned by ${reader}`)).toEqual([]);
    expect(await query({}, `drop role ${reader}`)).toEqual([]);
    await migrate(site);
  });
});
