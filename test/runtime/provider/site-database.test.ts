import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram, pgbouncer } from '../../../scripts/services/debian-packages.ts';
import { startTestPgBouncer, type TestPgBouncer } from '../../support/pgbouncer-server.ts';
import { PluginProcess, secret, unknownValue } from '../../support/plugin-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const shared = useTestServer();
let plugin: PluginProcess;
let pooler: TestPgBouncer | undefined;
const hasPooler = findProgram(pgbouncer) !== undefined;
/** Where sites are reached: at the pooler where there is one. */
const entrance = () => pooler?.port ?? shared.server.port;

beforeAll(async () => {
  plugin = await PluginProcess.start();
  await query('postgres', "create role pgbouncer login password 'looks-passwords-up'");
  if (hasPooler) pooler = await startTestPgBouncer(shared.dir, shared.server, 'looks-passwords-up');
});
afterAll(async () => {
  await pooler?.stop();
  await plugin?.orphan();
});

const password = 'a-password-of-the-site';

function inputsOf(slug: string, strategy: 'schema' | 'database', more: object = {}) {
  const { host, port, user, password: adminPassword } = shared.server;
  return {
    slug,
    strategy,
    cluster: 'eu-1',
    owner: 'ghost-fleet/test',
    connectionLimit: 10,
    statementTimeoutMs: 5_000,
    password: secret(password),
    readerPassword: secret('a-password-of-the-reader'),
    poolerRole: 'pgbouncer',
    admin: secret({ host, port, user, password: adminPassword, ssl: 'off' }),
    ...more,
  };
}

async function query(database: string, text: string, login: object = {}): Promise<Record<string, unknown>[]> {
  const { host, port, user, password: adminPassword } = shared.server;
  const client = new pg.Client({ host, port, user, password: adminPassword, database, ...login });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

describe.each(['database', 'schema'] as const)("a site's %s", (strategy) => {
  const slug = `kept-${strategy}`;
  const user = `site_kept_${strategy}`;
  const database = strategy === 'database' ? `ghost_site_kept_${strategy}` : 'ghost_sites';

  it('is made, and leaves no secret in plain in the state', async () => {
    const { id, state } = await plugin.create('SiteDatabase', inputsOf(slug, strategy));
    expect(id).toBe(`eu-1/${database}/${strategy === 'database' ? 'public' : user}`);
    expect(state).toMatchObject({ database, user });
    const plain = JSON.stringify({ ...state, admin: undefined, password: undefined, readerPassword: undefined });
    expect(plain).not.toMatch(/a-password|postgres:/);
    for (const key of ['admin', 'password', 'readerPassword']) {
      expect(state[key]).toMatchObject({ '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270' });
    }
  });

  it('is reached with the password that the provider hashed', async () => {
    await query(database, 'create table if not exists posts (id integer)', { user, password });
    expect(await query(database, 'select current_user as who', { user, password })).toEqual([{ who: user }]);
  });

  it.skipIf(!hasPooler)('is reached through PgBouncer with that password and with no other', async () => {
    const port = entrance();
    expect(port).not.toBe(shared.server.port);
    expect(await query(database, 'select current_user as who', { user, password, port })).toEqual([{ who: user }]);
    await expect(query(database, 'select 1', { user, password: 'wrong', port })).rejects.toThrow(/password|SASL/);
  });

  it('lets nobody but the pooler read what it looks up', async () => {
    await expect(query(database, 'select * from pooler.credentials', { user, password })).rejects.toThrow(
      /permission denied/,
    );
  });

  it('is adopted with its rows when it comes back, under the new password', async () => {
    await query(database, 'insert into posts values (7)', { user, password });
    const again = inputsOf(slug, strategy, { password: secret('another-password-of-it') });
    await plugin.create('SiteDatabase', again);
    const login = { user, password: 'another-password-of-it', port: entrance() };
    expect(await query(database, 'select id from posts', login)).toEqual([{ id: 7 }]);
    await plugin.create('SiteDatabase', inputsOf(slug, strategy));
  });

  it('is not adopted by another stack', async () => {
    const stranger = inputsOf(slug, strategy, { owner: 'ghost-fleet/other' });
    await expect(plugin.create('SiteDatabase', stranger)).rejects.toThrow(
      /expected data of ghost-fleet\/other or none; got data of ghost-fleet\/test/,
    );
  });

  it('is updated in place, and drift of its limit is seen', async () => {
    const { state } = await plugin.create('SiteDatabase', inputsOf(slug, strategy));
    const wider = inputsOf(slug, strategy, { connectionLimit: 12 });
    expect(await plugin.diff('SiteDatabase', state, wider)).toEqual({ changes: true, replaces: [] });
    const updated = await plugin.update('SiteDatabase', state, wider);
    expect((await query('postgres', `select rolconnlimit from pg_roles where rolname = '${user}'`))[0]).toEqual({
      rolconnlimit: 12,
    });
    await query('postgres', `alter role ${user} connection limit 99`);
    expect(await plugin.read('SiteDatabase', updated)).toMatchObject({ connectionLimit: 99 });
  });

  it('loses the login and no row when the resource is deleted, and is gone to a refresh once it is dropped by hand', async () => {
    const { state } = await plugin.create('SiteDatabase', inputsOf(slug, strategy));
    await plugin.delete('SiteDatabase', state);
    await expect(query(database, 'select 1', { user, password })).rejects.toThrow(/not permitted to log in/);
    const table = strategy === 'database' ? 'public.posts' : `${user}.posts`;
    expect(await query(database, `select id from ${table}`)).toEqual([{ id: 7 }]);
    expect(await plugin.read('SiteDatabase', { ...state, slug: 'never-was' })).toBeUndefined();
    await plugin.create('SiteDatabase', inputsOf(slug, strategy));
    expect(await query(database, 'select id from posts', { user, password })).toEqual([{ id: 7 }]);
  });
});

describe('sites of one server', () => {
  it('are made at once, as the engine makes them, together with the role that they share', async () => {
    const { host, port, user, password: adminPassword } = shared.server;
    const admin = secret({ host, port, user, password: adminPassword, ssl: 'off' });
    const role = { name: 'pgbouncer', password: secret('looks-passwords-up'), connectionLimit: 50, admin };
    const slugs = Array.from({ length: 8 }, (_, index) => `at-once-${index}`);
    await Promise.all([
      ...slugs.map((slug) => plugin.create('SiteDatabase', inputsOf(slug, 'schema'))),
      plugin.create('Role', role),
      plugin.create('Role', role),
    ]);
    const login = { user: 'site_at_once_7', password, port: entrance() };
    expect(await query('ghost_sites', 'select current_schema as place', login)).toEqual([{ place: 'site_at_once_7' }]);
  });

  it('heal a database that an interrupted run left closed', async () => {
    await query('postgres', 'alter database ghost_sites with allow_connections false');
    await plugin.create('SiteDatabase', inputsOf('heals', 'schema'));
    expect(await query('ghost_sites', 'select 1 as one', { user: 'site_heals', password })).toEqual([{ one: 1 }]);
  });
});

describe('a plan', () => {
  it('that would move data to another cluster or strategy is refused before anything is done', async () => {
    const before = inputsOf('moves', 'schema');
    const after = inputsOf('moves', 'database', { cluster: 'us-1' });
    expect((await plugin.check('SiteDatabase', after, before)).failures).toEqual([
      {
        property: 'strategy',
        reason: expect.stringMatching(/^expected "schema", since the data is there; got "database": .*site:export/),
      },
      {
        property: 'cluster',
        reason: expect.stringMatching(/^expected "eu-1", since the data is there; got "us-1": .*site:import/),
      },
    ]);
  });

  it('accepts what is not known yet, and names what is wrong without its value', async () => {
    expect((await plugin.check('SiteDatabase', inputsOf('aaa', 'schema', { admin: unknownValue }))).failures).toEqual(
      [],
    );
    const wrong = inputsOf('aaa', 'schema', { password: secret('short'), colour: 'blue' });
    const { failures } = await plugin.check('SiteDatabase', wrong);
    expect(failures.map(({ property }) => property).sort()).toEqual(['colour', 'password']);
    expect(JSON.stringify(failures)).not.toContain('"short"');
  });

  it('sees no difference where there is none, and one where a value is not known', async () => {
    const inputs = inputsOf('aaa', 'schema');
    const state = { ...inputs, database: 'ghost_sites', schema: 'site_aaa', user: 'site_aaa' };
    expect(await plugin.diff('SiteDatabase', state, inputs)).toEqual({ changes: false, replaces: [] });
    const open = { ...inputs, password: unknownValue };
    expect(await plugin.diff('SiteDatabase', state, open)).toEqual({ changes: true, replaces: [] });
  });
});

describe('a plugin', () => {
  it('goes when the engine that started it is gone', async () => {
    const other = await PluginProcess.start();
    expect(await other.orphan()).toBe(0);
  });
});
