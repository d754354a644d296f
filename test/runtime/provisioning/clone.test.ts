import path from 'node:path';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Administrator, locateSiteDatabase, withClient } from '../../../runtime/database/provision.ts';
import { templateNameOf, templateRole } from '../../../runtime/database/template.ts';
import { type InterruptedWork, interruptFirstStart, startTwins } from '../../../scripts/kills/interruption.ts';
import { readSiteShape } from '../../../scripts/kills/site-shape.ts';
import { SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const shared = useTestServer();
const ghostPath = path.resolve('.tools/ghost');
const clones = ['first-clone', 'second-clone'] as const;
const own = 'initialised-by-ghost';
const title = 'Much the same';

/** As a managed server's: may create roles and databases, and is no superuser. */
const admin = (): Administrator => ({ ...shared.server, user: 'fleet_admin', password: 'an-administrator' });
const siteOf = (slug: string) => ({ slug, strategy: 'database', dir: shared.dir, server: admin(), ghostPath }) as const;
const databaseOf = (slug: string) => locateSiteDatabase(siteOf(slug));

/** Every row of every table in `public` of a database, as JSON has it. */
async function readRows(database: string): Promise<{ table: string; row: Record<string, unknown> }[]> {
  return withClient(shared.server, database, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `select tablename::text as name from pg_tables where schemaname = 'public' order by 1`,
    );
    const found = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: Record<string, unknown> }>(
        `select to_jsonb(t) as row from public.${pg.escapeIdentifier(name)} t`,
      );
      found.push(...rows.map(({ row }) => ({ table: name, row })));
    }
    return found;
  });
}

/** What is generated and so must differ: ids, UUIDs, secrets in hexadecimal, hashes of passwords, private and public keys. */
const generated =
  /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{20,}|\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}|-----BEGIN[\s\S]+?-----END/g;
const moment = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?/g;

async function generatedValues(database: string): Promise<Set<string>> {
  return new Set((await readRows(database)).flatMap(({ row }) => textOf(row).match(generated) ?? []));
}

function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.values(value).map(textOf).join('\n');
}

/** The error's SQLSTATE, or `connected`. */
async function connect(user: string, password: string, database: string): Promise<string> {
  const client = new pg.Client({ host: shared.server.host, port: shared.server.port, user, password, database });
  try {
    await client.connect();
    return 'connected';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  await withClient(shared.server, 'postgres', (client) =>
    client.query("create role fleet_admin login createdb createrole password 'an-administrator'"),
  );
}, 300_000);

describe('a new database cloned from the template of its Ghost', () => {
  const frontPages: number[] = [];
  beforeAll(async () => {
    const site = { title, dir: shared.dir, strategy: 'database', server: admin() } as const;
    // Both at once: they make one template.
    const environments = [
      ...(await Promise.all(clones.map((slug) => siteEnvironment({ ...site, slug, ghostPath })))),
      await siteEnvironment({ ...site, slug: own }),
    ];
    for (const env of environments) {
      const running = await new SiteUnderTest(env).ready();
      frontPages.push((await running.get('/')).status);
      await running.stop();
    }
  }, 300_000);

  it('serves, as one does that Ghost initialised', () => {
    expect(frontPages).toEqual([200, 200, 200]);
  });

  it('shares no secret, no id and no owner with a sibling or with the template', async () => {
    const template = await templateNameOf(ghostPath);
    // Nobody can look into the template itself.
    await withClient(shared.server, 'postgres', (client) =>
      client.query(`create database look_into_it template ${pg.escapeIdentifier(template)}`),
    );
    const [first, second, source] = await Promise.all(
      [...clones.map((slug) => databaseOf(slug).database), 'look_into_it'].map(generatedValues),
    );
    if (first === undefined || second === undefined || source === undefined)
      throw new Error('expected three databases');
    expect([...first].filter((value) => second.has(value))).toEqual([]);
    expect([...first, ...second].filter((value) => source.has(value))).toEqual([]);
    // The template has the fixtures' keys, and a clone those of Ghost's first start besides.
    expect(source.size).toBeGreaterThan(500);
    expect(first.size).toBeGreaterThan(source.size + 10);
    const secrets = (await readRows(databaseOf(clones[0]).database)).filter(
      ({ table, row }) =>
        (table === 'settings' && /hash|secret|uuid|(public|private|api)_key$/.test(String(row.key)) && row.value) ||
        table === 'api_keys' ||
        table === 'users',
    );
    expect(secrets.length).toBeGreaterThanOrEqual(18);
    for (const { row } of secrets) expect(textOf(row).match(generated)?.length).toBeGreaterThanOrEqual(2);
  });

  it('has every column, index, constraint and row of a database that Ghost initialised', async () => {
    const [first, second, expected] = await Promise.all([...clones, own].map((slug) => readSiteShape(siteOf(slug))));
    expect(first).toEqual(expected);
    expect(second).toEqual(expected);
    // Not the names of the rows alone: all that is no key and no moment.
    const contents = async (slug: string) =>
      (await readRows(databaseOf(slug).database))
        .filter(({ table }) => Object.hasOwn(expected?.rows ?? {}, table))
        .map(({ table, row }) => `${table} ${JSON.stringify(row)}`)
        .map((text) => text.replaceAll(generated, '<key>').replaceAll(moment, '<moment>'))
        .sort();
    expect(await contents(clones[0])).toEqual(await contents(own));
  });

  it('belongs to its role in every part, and the role of the template is left with nothing in it', async () => {
    const { database, user } = databaseOf(clones[0]);
    await withClient(shared.server, database, async (client) => {
      const { rows } = await client.query(
        `select relowner::regrole::text as owner, count(*)::int > 300 as many from pg_class
          where relnamespace = 'public'::regnamespace group by 1`,
      );
      expect(rows).toEqual([{ owner: user, many: true }]);
      const left = await client.query(
        `select classid::regclass::text, objid from pg_shdepend
          where dbid = (select oid from pg_database where datname = current_database()) and refobjid = $1::regrole`,
        [templateRole],
      );
      expect(left.rows).toEqual([]);
    });
  });

  it('is open to its role alone, and the template to nobody', async () => {
    const [first, second] = clones.map(databaseOf);
    if (first === undefined || second === undefined) throw new Error('expected two clones');
    const template = await templateNameOf(ghostPath);
    expect(await connect(first.user, 'a-password', first.database)).toBe('connected');
    expect(await connect(first.user, 'a-password', second.database)).toBe('42501');
    const notAccepting = '55000';
    expect(await connect(first.user, 'a-password', template)).toBe(notAccepting);
    expect(await connect(shared.server.user, shared.server.password, template)).toBe(notAccepting);
    expect(await connect(templateRole, '', 'postgres')).not.toBe('connected');
  });

  it('comes from one template for a release, which is not made twice', async () => {
    const templates = () =>
      withClient(shared.server, 'postgres', (client) =>
        client.query(
          'select oid, datname::text, datistemplate, datallowconn from pg_database where starts_with(datname, $1)',
          [templateRole],
        ),
      );
    const { rows: before } = await templates();
    expect(before).toMatchObject([
      { datname: await templateNameOf(ghostPath), datistemplate: true, datallowconn: false },
    ]);
    await siteEnvironment({
      slug: 'third-clone',
      title,
      dir: shared.dir,
      strategy: 'database',
      server: admin(),
      ghostPath,
    });
    expect((await templates()).rows).toEqual(before);
  });
});

describe('killed', () => {
  const kills: { work: InterruptedWork; momentMs: number; orphans: boolean }[] = [
    { work: 'making a template', momentMs: 1_500, orphans: true },
    { work: 'making a template', momentMs: 4_000, orphans: false },
    { work: 'cloning', momentMs: 120, orphans: false },
    { work: 'cloning', momentMs: 350, orphans: true },
  ];
  it.each(kills)('$momentMs ms into $work, provisioning is made good by the next (orphans: $orphans)', async (kill) => {
    const site = siteOf(`killed-${kill.momentMs}`);
    const { shape } = await interruptFirstStart(site, kill);
    expect(shape).toEqual(await readSiteShape(siteOf(own)));
  });
});

describe('two at once', () => {
  it('make one clone, and start one site on it', async () => {
    const { shape } = await startTwins(siteOf('twin-clone'), 'cloning');
    expect(shape).toEqual(await readSiteShape(siteOf(own)));
  });
});
