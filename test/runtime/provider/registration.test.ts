import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PluginProcess, secret } from '../../support/plugin-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const shared = useTestServer();
let plugin: PluginProcess;

/** What the platform's migrations are to bring, as far as the provider calls it. */
const registryFunctions = `
  create schema registry;
  create table registry.sites (slug text primary key, entry jsonb not null, removed boolean not null default false);
  create function registry.put_site(entry jsonb) returns void language sql as $$
    insert into registry.sites values (entry->>'slug', entry)
      on conflict (slug) do update set entry = excluded.entry, removed = false $$;
  create function registry.get_site(wanted text) returns jsonb language sql as $$
    select entry from registry.sites where slug = wanted and not removed $$;
  create function registry.remove_site(wanted text) returns void language sql as $$
    update registry.sites set removed = true where slug = wanted $$;`;

beforeAll(async () => {
  plugin = await PluginProcess.start();
  await query('postgres', 'create database platform');
  await query('platform', registryFunctions);
});
afterAll(async () => {
  await plugin?.orphan();
});

async function query(database: string, text: string): Promise<Record<string, unknown>[]> {
  const { host, port, user, password } = shared.server;
  const client = new pg.Client({ host, port, user, password, database });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

function inputsOf(more: object = {}) {
  const { host, port, user, password } = shared.server;
  return {
    slug: 'aurora-letters',
    creator: 'mira@example.com',
    title: "Aurora's Letters",
    url: 'https://aurora.example.com',
    domains: ['aurora.example.com'],
    plan: 'studio',
    state: 'active',
    strategy: 'database',
    cluster: 'eu-1',
    stack: 'ghost-fleet/test',
    database: 'platform',
    admin: secret({ host, port, user, password, ssl: 'off' }),
    ...more,
  };
}

describe("a site's registration", () => {
  it('is written, changed in place and read back, so that drift is seen', async () => {
    const { id, state } = await plugin.create('Registration', inputsOf());
    expect(id).toBe('aurora-letters');
    expect(await plugin.read('Registration', state)).toEqual(state);
    await plugin.update('Registration', state, inputsOf({ plan: 'publisher' }));
    expect(await plugin.read('Registration', state)).toMatchObject({ plan: 'publisher' });
  });

  it('carries no credential into the row', async () => {
    const [row] = await query('platform', 'select entry from registry.sites');
    expect(Object.keys(row?.entry as object)).not.toContain('admin');
    expect(JSON.stringify(row)).not.toContain(shared.server.password);
  });

  it('marks a site as gone, keeps its row and takes it up again', async () => {
    const { state } = await plugin.create('Registration', inputsOf());
    await plugin.delete('Registration', state);
    expect(await plugin.read('Registration', state)).toBeUndefined();
    expect(await query('platform', 'select slug, removed from registry.sites')).toEqual([
      { slug: 'aurora-letters', removed: true },
    ]);
    await plugin.create('Registration', inputsOf());
    expect(await query('platform', 'select removed from registry.sites')).toEqual([{ removed: false }]);
  });
});
