import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../../../runtime/database/administrator.ts';
import { PluginProcess, secret, unknownValue } from '../../support/plugin-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const shared = useTestServer();
let plugin: PluginProcess;
beforeAll(async () => {
  plugin = await PluginProcess.start();
});
afterAll(async () => {
  await plugin?.orphan();
});

const owner = 'ghost-fleet/test';
const admin = () => {
  const { host, port, user, password } = shared.server;
  return { host, port, user, password, ssl: 'off' };
};

type Place = { readonly strategy: 'sqlite' | 'schema' | 'database'; readonly cluster?: string };

const placementOf = (slug: string, place: Place, more: object = {}) => ({
  slug,
  owner,
  servers: secret({ 'eu-1': admin() }),
  ...place,
  ...more,
});

/** Makes a site's database or schema, with the mark of its stack on it. */
async function provision(slug: string, strategy: 'schema' | 'database', of = owner): Promise<void> {
  await plugin.create('SiteDatabase', {
    slug,
    strategy,
    cluster: 'eu-1',
    owner: of,
    connectionLimit: 5,
    statementTimeoutMs: 5_000,
    password: secret('a-password-of-the-site'),
    readerPassword: secret('a-password-of-the-reader'),
    admin: secret(admin()),
  });
}

const sqlite: Place = { strategy: 'sqlite' };
const schema: Place = { strategy: 'schema', cluster: 'eu-1' };
const database: Place = { strategy: 'database', cluster: 'eu-1' };
const elsewhere: Place = { strategy: 'database', cluster: 'us-1' };

describe('a plan for a site that stays in the registry', () => {
  const moves: [from: Place, to: Place, properties: string[]][] = [
    [sqlite, schema, ['cluster', 'strategy']],
    [sqlite, database, ['cluster', 'strategy']],
    [schema, sqlite, ['cluster', 'strategy']],
    [database, sqlite, ['cluster', 'strategy']],
    [schema, database, ['strategy']],
    [database, schema, ['strategy']],
    [database, elsewhere, ['cluster']],
  ];
  it.each(moves)('is refused where data would stay behind: %o → %o', async (from, to, properties) => {
    const { failures } = await plugin.check('Placement', placementOf('moves', to), placementOf('moves', from));
    expect(failures.map(({ property }) => property).sort()).toEqual(properties);
    for (const { property, reason } of failures) {
      const show = (value: unknown) => (value === undefined ? 'none' : JSON.stringify(value));
      const [before, after] = [from[property as keyof Place], to[property as keyof Place]];
      expect(reason).toContain(`expected ${show(before)}, since the data is there; got ${show(after)}`);
      expect(reason).toMatch(/npm run site:export.*npm run site:import/);
    }
  });

  it('is refused where another stack takes the site over', async () => {
    const stranger = placementOf('moves', database, { owner: 'ghost-fleet/other' });
    expect((await plugin.check('Placement', stranger, placementOf('moves', database))).failures).toMatchObject([
      { property: 'owner' },
    ]);
  });

  it.each([sqlite, schema, database])('is accepted where the site stays: %o', async (place) => {
    const before = placementOf('stays', place);
    expect((await plugin.check('Placement', before, before)).failures).toEqual([]);
    expect(await plugin.diff('Placement', before, before)).toEqual({ changes: false, replaces: [] });
  });

  it('is accepted where a server has another address, or one that is not known yet', async () => {
    const before = placementOf('stays', database);
    const moved = placementOf('stays', database, { servers: secret({ 'eu-1': { ...admin(), host: 'new.example' } }) });
    expect((await plugin.check('Placement', moved, before)).failures).toEqual([]);
    expect(await plugin.diff('Placement', before, moved)).toEqual({ changes: true, replaces: [] });
    const open = placementOf('stays', database, { servers: unknownValue });
    expect((await plugin.check('Placement', open, before)).failures).toEqual([]);
  });
});

describe('a site that comes back to the registry', () => {
  it.each([
    ['schema', sqlite],
    ['schema', database],
    ['database', sqlite],
    ['database', schema],
  ] as const)('is refused another place than its %s: %o', async (strategy, place) => {
    const slug = `back-${strategy}-${place.strategy}`;
    await provision(slug, strategy);
    const refused = plugin.create('Placement', placementOf(slug, place));
    await expect(refused).rejects.toThrow(
      /expected no data of ghost-fleet\/test but in .*; got the (schema|database) /,
    );
    await expect(refused).rejects.toThrow(/site:export.*site:import.*comment on (schema|database) \S+ is null/);
  });

  it('is refused another cluster than the one that has its data', async () => {
    await provision('back-away', 'database');
    const servers = secret({ 'eu-1': admin(), 'us-1': { ...admin(), host: 'localhost' } });
    await expect(
      plugin.create('Placement', placementOf('back-away', { strategy: 'schema', cluster: 'us-1' }, { servers })),
    ).rejects.toThrow(/got the database ghost_site_back_away of/);
  });

  it.each(['schema', 'database'] as const)('takes its %s up again', async (strategy) => {
    const slug = `again-${strategy}`;
    await provision(slug, strategy);
    const place = strategy === 'schema' ? schema : database;
    expect((await plugin.create('Placement', placementOf(slug, place))).id).toBe(slug);
    // Two names of one server are one place.
    const twice = secret({ 'aa-1': admin(), 'eu-1': admin() });
    await plugin.create('Placement', placementOf(slug, place, { servers: twice }));
  });

  it('is placed anew once its data was given up, and by a stack that the data never belonged to', async () => {
    await provision('given-up', 'database');
    await withClient(shared.server, 'postgres', (client) =>
      client.query('comment on database ghost_site_given_up is null'),
    );
    await plugin.create('Placement', placementOf('given-up', sqlite));
    await provision('not-mine', 'database', 'ghost-fleet/other');
    await plugin.create('Placement', placementOf('not-mine', sqlite));
  });

  it('is refused while a cluster that may have its data cannot be asked', async () => {
    const servers = secret({ 'eu-1': { ...admin(), port: 1 } });
    await expect(plugin.create('Placement', placementOf('unasked', sqlite, { servers }))).rejects.toThrow(
      /cluster eu-1: expected to see whether data of unasked is there; got .*ECONNREFUSED/,
    );
  });

  it('keeps administrators out of the plain state', async () => {
    const { state } = await plugin.create('Placement', placementOf('secretive', sqlite));
    expect(state.servers).toMatchObject({ '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270' });
    expect(await plugin.read('Placement', state)).toMatchObject({ slug: 'secretive' });
    await plugin.delete('Placement', state);
  });
});
