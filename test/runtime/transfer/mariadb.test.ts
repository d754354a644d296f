import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { locateSiteDatabase } from '../../../runtime/database/provision.ts';
import { connectMariadb, convertToMysqlCollation } from '../../../scripts/dataset/connections.ts';
import { findProgram, mariadb } from '../../../scripts/services/debian-packages.ts';
import { type MariadbServer, startMariadb } from '../../../scripts/services/mariadb.ts';
import { type StockDatabase, startStockGhost } from '../../../scripts/services/stock-ghost.ts';
import { apiKeys } from '../../conformance/database.ts';
import { findDifferences, readContentApi, withoutOrder } from '../../support/content-api.ts';
import { SiteUnderTest, siteEnvironment } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';
import { awkward, fillSource, runTransfer, setUpSite } from '../../support/transfer-source.ts';

const shared = useTestServer();
const database = 'newsroom';
const password = 'p@ss:w/ord 4711';
const sourceUrl = 'http://source.example.com';
const env = { mail__transport: 'stub', privacy__useUpdateCheck: 'false', privacy__useGravatar: 'false' };
let server: MariadbServer | undefined;
let answers: ReadonlyMap<string, string>;

/** What a stock Ghost on `database` answers. */
async function askStockGhost(name: string, database: StockDatabase, first?: (port: number) => Promise<void>) {
  const contentPath = path.join(shared.dir, name);
  const security = { security__staffDeviceVerification: 'false' };
  const options = { ghostPath: '.tools/ghost', contentPath, database, url: sourceUrl, env: { ...env, ...security } };
  const ghost = await startStockGhost(options);
  try {
    await first?.(ghost.port);
    return first === undefined ? await readContentApi(ghost.port, sourceUrl, apiKeys.content) : new Map();
  } finally {
    await ghost.stop();
  }
}

// npm test installs MariaDB or says loudly that these are skipped.
describe.skipIf(findProgram(mariadb) === undefined)('a site on MariaDB', () => {
  beforeAll(async () => {
    server = await startMariadb({ dataDir: path.join(shared.dir, 'mariadb') });
    const { host, port, user } = server;
    const place = { client: 'mysql', host, port, user, password: server.password, database } as const;
    await askStockGhost('source', place, (ghostPort) => setUpSite(ghostPort, sourceUrl));
    const knex = connectMariadb(server, database);
    await convertToMysqlCollation(knex, database);
    await fillSource(knex, { members: 1_200 });
    await knex('snippets').insert({
      id: '6b0000000000000000000001',
      name: 'nul\0 inside',
      mobiledoc: '{}',
      created_at: '2026-02-28 23:59:59',
    });
    await knex.raw('create user mover@127.0.0.1 identified by ?', [password]);
    await knex.raw(`grant select on ${database}.* to mover@127.0.0.1`);
    await knex.destroy();
    answers = await askStockGhost('source', place);
  }, 300_000);
  afterAll(() => server?.stop());

  it('moves into a PostgreSQL database and back to SQLite with the same Content API answers everywhere', async () => {
    const strategy = 'database';
    const site = await siteEnvironment({
      slug: 'newsroom',
      title: 'Newsroom',
      dir: shared.dir,
      strategy,
      server: shared.server,
    });
    const from = `mysql://mover:${encodeURIComponent(password)}@127.0.0.1:${server?.port}/${database}`;
    const imported = await runTransfer('import', { ...site, SITE_IMPORT_FROM: from }, []);
    expect(imported.exitCode, imported.stderr).toBe(0);
    expect(imported.stdout).toContain('snippets.name: 1 value lost NUL characters, which PostgreSQL cannot hold');
    expect(imported.stdout).toMatch(/\nmembers +1208 {2}[0-9a-f]{32}\n/);
    expect(imported.stdout).toMatch(/\d+ rows moved and verified\nnewsroom: imported from mysql:\/\/mover@127/);
    expect(imported.stdout + imported.stderr).not.toMatch(/p@ss|p%40ss|w.ord|%2Ford/);

    const client = new pg.Client({
      ...shared.server,
      database: locateSiteDatabase({ slug: 'newsroom', strategy }).database,
    });
    await client.connect();
    const { rows } = await client.query("select name from members where email like 'awkward.%' order by email");
    expect(rows.map(({ name }) => name)).toEqual(awkward.names);
    const long = await client.query(
      "select html, (select encode(min(to_hash), 'hex') from redirects) as hash from posts where slug = 'coming-soon'",
    );
    expect(long.rows).toEqual([
      { html: `<p>${awkward.long}</p>`, hash: '0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8' },
    ]);
    const keys = await client.query(
      "select count(*)::int as count from pg_constraint where contype = 'f' and condeferred",
    );
    expect(keys.rows).toEqual([{ count: 0 }]);
    await client.end();

    const running = await new SiteUnderTest({ ...site, ...env }).ready();
    try {
      const own = await readContentApi(Number(site.PORT), String(site.SITE_URL), apiKeys.content);
      expect(own.size).toBeGreaterThan(6);
      expect(findDifferences(own, answers)).toEqual([]);
    } finally {
      await running.stop();
    }

    const file = path.join(shared.dir, 'back.db');
    const exported = await runTransfer('export', site, ['--to', `sqlite:${file}`]);
    expect(exported.exitCode, exported.stderr).toBe(0);
    expect(exported.stdout).toMatch(/\nmembers +1208 {2}[0-9a-f]{32}\n/);
    const back = await askStockGhost('back', { client: 'sqlite', filename: file });
    expect(findDifferences(withoutOrder(back), withoutOrder(answers))).toEqual([]);
  }, 300_000);
});
