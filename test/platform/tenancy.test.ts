import { describe, expect, it } from 'vitest';
import { withClient } from '../../runtime/database/administrator.ts';
import { migratePlatform } from '../../runtime/platform/database/migrator.ts';
import { platformDatabase } from '../../runtime/platform/database/provision.ts';
import { usePlatformDatabase } from '../support/platform-database.ts';

const platform = usePlatformDatabase({ pooler: true });

/** Tables that belong to nobody: a creator may read them. */
const shared: readonly string[] = ['plan_prices'];

/** Bookkeeping of knex, which the application role cannot reach. */
const ledger = ['platform_migrations', 'platform_migrations_lock'];

describe("the platform's tables", () => {
  it('are each under forced row-level security or named as shared', async () => {
    const { rows } = await query<{ name: string; forced: boolean; tenant: boolean }>(`
      select relname as name, relrowsecurity and relforcerowsecurity as forced, exists (
        select from pg_attribute where attrelid = c.oid and attname = 'creator_id') as tenant
      from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`);
    expect(rows.length).toBeGreaterThan(5);
    const open = rows.filter(({ forced, tenant }) => !(forced && tenant)).map(({ name }) => name);
    expect(open.filter((name) => !ledger.includes(name)).sort()).toEqual([...shared].sort());
  });

  it('belong to the owner, and the application role owns nothing and cannot pass by their rules', async () => {
    const { rows } = await query<Record<string, unknown>>(`
      select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
        (select count(*)::int from pg_class where relowner = r.oid) as owned from pg_roles r where rolname = 'platform_app'`);
    expect(rows).toEqual([
      { rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false, owned: 0 },
    ]);
  });

  it('show nothing outside of a scope, and the scope ends with its transaction', async () => {
    const creatorId = await put('mira@example.com', 'aurora-letters');
    expect(await platform.database.asCreator(creatorId, (db) => db('sites').pluck('slug'))).toEqual(['aurora-letters']);
    const { settings } = platform;
    const login = { ...platform.server, user: settings.user, password: settings.password };
    const seen = await withClient(login, platformDatabase, (client) => client.query('select from sites'));
    expect(seen.rowCount).toBe(0);
  });

  it('show a creator nothing of another, in reading and in writing', async () => {
    const mira = await put('mira@example.com', 'aurora-letters');
    const jon = await put('jon@example.com', 'harbour-notes');
    await platform.database.asCreator(jon, async (db) => {
      expect(await db('sites').pluck('slug')).toEqual(['harbour-notes']);
      expect(await db('sites').where({ slug: 'aurora-letters' }).update({ title: 'Mine' })).toBe(0);
    });
    const steal = platform.database.asCreator(jon, (db) =>
      db('sites').where({ slug: 'harbour-notes' }).update({ creator_id: mira }),
    );
    await expect(steal).rejects.toThrow('row-level security');
  });

  it('are migrated once by two at once', async () => {
    const runs = await Promise.all([migratePlatform(platform.owner), migratePlatform(platform.owner)]);
    expect(runs).toEqual([[], []]);
  });
});

describe('the registration of a site', () => {
  it('is read back as it was put, and a removed site keeps its row', async () => {
    const creatorId = await put('mira@example.com', 'slow-kitchen');
    const read = () =>
      query<{ site: unknown }>("select registry.get_site('slow-kitchen') as site").then(({ rows }) => rows[0]?.site);
    expect(await read()).toMatchObject({
      slug: 'slow-kitchen',
      creator: 'mira@example.com',
      domains: ['a.example.com'],
    });
    await query("select registry.remove_site('slow-kitchen')");
    expect(await read()).toBeNull();
    const kept = await platform.database.asCreator(creatorId, (db) =>
      db('sites').where({ slug: 'slow-kitchen' }).first(),
    );
    expect(kept.removed_at).toBeInstanceOf(Date);
  });
});

function query<Row extends object>(text: string) {
  return withClient(platform.server, platformDatabase, (client) => client.query<Row>(text));
}

async function put(creator: string, slug: string): Promise<string> {
  const entry = {
    slug,
    creator,
    title: slug,
    url: `https://${slug}.example.com`,
    domains: ['a.example.com'],
    plan: 'studio',
    state: 'active',
    strategy: 'database',
    stack: 'test',
  };
  await platform.database.asFleet((db) => db.raw('select registry.put_site(?::jsonb)', [JSON.stringify(entry)]));
  return platform.database.asFleet(async (db) => (await db('creators').where({ email: creator }).first()).creator_id);
}
