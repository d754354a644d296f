import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { locateSiteDatabase } from '../../../runtime/database/provision.ts';
import { initialisingMarker } from '../../../runtime/site/migration/target.ts';
import { type DatabaseStrategy, databaseStrategies, namesOf } from '../../../sites/naming.ts';
import { SiteUnderTest, siteEnvironment, startTestPostgres, temporaryDir } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';

/** Milliseconds after the start at which a first start is killed; one falls into each phase of an initialisation. */
const killMoments = [900, 1_900, 3_200];

const shared = useTestServer();

/** Runs a statement in the site's own schema, as an administrator or in its file. */
async function query(slug: string, strategy: DatabaseStrategy, sql: string): Promise<Record<string, unknown>[]> {
  if (strategy === 'sqlite') {
    const require = createRequire(path.resolve('.tools/ghost/package.json'));
    const Database = require('better-sqlite3');
    const database = new Database(path.join(shared.dir, slug, namesOf(slug).sqliteFile));
    try {
      const statement = database.prepare(sql);
      return statement.reader ? statement.all() : [statement.run()];
    } finally {
      database.close();
    }
  }
  const place = locateSiteDatabase({ slug, strategy });
  const client = new pg.Client({
    host: shared.server.host,
    port: shared.server.port,
    user: shared.server.user,
    password: shared.server.password,
    database: place.database,
  });
  await client.connect();
  try {
    await client.query(`set search_path = ${place.schema}`);
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function countTables(slug: string, strategy: DatabaseStrategy): Promise<number> {
  const sql =
    strategy === 'sqlite'
      ? "select count(*) as n from sqlite_master where type = 'table' and name not like 'sqlite_%'"
      : 'select count(*) as n from pg_tables where schemaname = current_schema()';
  return Number((await query(slug, strategy, sql))[0]?.n);
}

async function countIndexes(slug: string, strategy: DatabaseStrategy): Promise<number> {
  const sql =
    strategy === 'sqlite'
      ? "select count(*) as n from sqlite_master where type = 'index'"
      : 'select count(*) as n from pg_indexes where schemaname = current_schema()';
  return Number((await query(slug, strategy, sql))[0]?.n);
}

describe.each(databaseStrategies)('on %s', (strategy) => {
  const environment = (slug: string) =>
    siteEnvironment({ slug, title: slug, dir: shared.dir, strategy, server: shared.server });
  let whole: { tables: number; indexes: number };

  it('two processes that start at once on an empty database end healthy on one schema', async () => {
    const slug = `twins-${strategy}`;
    const first = await environment(slug);
    const second = { ...(await environment(slug)), SITE_URL: first.SITE_URL ?? '' };
    const sites = [new SiteUnderTest(first), new SiteUnderTest(second)];
    try {
      await Promise.all(sites.map((site) => site.ready()));
      whole = { tables: await countTables(slug, strategy), indexes: await countIndexes(slug, strategy) };
      expect(whole.tables).toBeGreaterThan(90);
      expect(
        await query(slug, strategy, "select name from migrations where name = '2-create-fixtures.js'"),
      ).toHaveLength(1);
      expect(await query(slug, strategy, 'select id from users')).toHaveLength(1);
      // Which of them initialised does not matter; that only one did, does.
      expect(sites.filter((site) => site.output.includes('initialising an empty database'))).toHaveLength(1);
    } finally {
      await Promise.all(sites.map((site) => site.stop()));
    }
  });

  it.each(killMoments)('a first start that is killed after %i ms is made good by the next', async (moment) => {
    const slug = `killed-${strategy}-${moment}`;
    const env = await environment(slug);
    const killed = new SiteUnderTest(env);
    await sleep(moment);
    await killed.stop('SIGKILL');

    const healed = await new SiteUnderTest(env).ready();
    expect({ tables: await countTables(slug, strategy), indexes: await countIndexes(slug, strategy) }).toEqual(whole);
    expect(await query(slug, strategy, 'select id from users')).toHaveLength(1);
    await healed.stop();
  });

  it('a migration lock that a dead process left is released, and data is not touched', async () => {
    const slug = `twins-${strategy}`;
    await query(slug, strategy, 'update migrations_lock set locked = 1');
    await query(slug, strategy, "update settings set value = 'Kept' where key = 'title'");
    const site = await new SiteUnderTest(await environment(slug)).ready();
    expect(site.output).toContain('was left by a process that is gone');
    expect(await query(slug, strategy, "select value from settings where key = 'title'")).toEqual([{ value: 'Kept' }]);
    expect(await query(slug, strategy, 'select locked from migrations_lock')).toEqual([{ locked: 0 }]);
    await site.stop();
  });

  it('migrate --check tells an interrupted first start from a ready site, and changes neither', async () => {
    const slug = `twins-${strategy}`;
    const env = await environment(slug);
    const ready = new SiteUnderTest(env, ['migrate', '--check']);
    expect([await ready.exited(), ready.output]).toEqual([0, '{"state":"ready","missing":[]}\n']);
    await query(slug, strategy, `create table ${initialisingMarker} (started_at text)`);
    try {
      const interrupted = new SiteUnderTest(env, ['migrate', '--check']);
      expect([await interrupted.exited(), interrupted.output]).toEqual([1, '{"state":"interrupted","missing":[]}\n']);
      expect(await query(slug, strategy, "select value from settings where key = 'title'")).toEqual([
        { value: 'Kept' },
      ]);
    } finally {
      await query(slug, strategy, `drop table ${initialisingMarker}`);
    }
  });
});

describe('a database that goes away', () => {
  it('turns readiness off, leaves the process alone, and is used again once it is back', async () => {
    const own = await temporaryDir();
    let database = await startTestPostgres(own.dir);
    const env = await siteEnvironment({
      slug: 'comes-and-goes',
      title: 'Comes and goes',
      dir: own.dir,
      strategy: 'database',
      server: database,
    });
    const site = await new SiteUnderTest(env).ready();
    try {
      await database.stop();
      const away = await site.readiness();
      expect([away.ready, away.phase, away.checks.database === 'ok']).toEqual([false, 'serving', false]);
      expect((await site.probe('/livez')).status).toBe(200);
      database = await startTestPostgres(own.dir, database.port);
      await site.ready(20_000);
      expect((await site.get('/')).status).toBe(200);
      expect(site.running).toBe(true);
    } finally {
      await site.stop();
      await database.stop();
      await own.remove();
    }
  });

  it('is waited for at the start, and given up with exit code 69 at the deadline', async () => {
    const own = await temporaryDir();
    const database = await startTestPostgres(own.dir);
    const env = await siteEnvironment({
      slug: 'waits-for-it',
      title: 'Waits',
      dir: own.dir,
      strategy: 'database',
      server: database,
    });
    await database.stop();
    const impatient = new SiteUnderTest({ ...env, DATABASE_WAIT_SECONDS: '1' });
    expect(await impatient.exited()).toBe(69);
    expect(impatient.output).not.toContain('a-password');

    const patient = new SiteUnderTest(env);
    await sleep(1_500);
    expect((await patient.readiness()).phase).toBe('waiting for the database');
    const back = await startTestPostgres(own.dir, database.port);
    await patient.ready();
    await patient.stop();
    await back.stop();
    await own.remove();
  });
});
