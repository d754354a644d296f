import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { locateSiteDatabase, withClient } from '../../../runtime/database/provision.ts';
import { initialisingMarker } from '../../../runtime/site/migration/target.ts';
import { interruptFirstStart, type NewSite, startTwins } from '../../../scripts/kills/interruption.ts';
import { querySite, type SiteShape } from '../../../scripts/kills/site-shape.ts';
import { type DatabaseStrategy, databaseStrategies } from '../../../sites/naming.ts';
import { SiteUnderTest, siteEnvironment, startTestPostgres, temporaryDir } from '../../support/site-process.ts';
import { useTestServer } from '../../support/test-server.ts';

/** Milliseconds after the start at which a first start is killed; one falls into each phase of an initialisation. */
const killMoments = [900, 1_900, 3_200];

const shared = useTestServer();

const siteOf = (slug: string, strategy: DatabaseStrategy): NewSite => ({
  slug,
  strategy,
  dir: shared.dir,
  server: shared.server,
  ghostPath: path.resolve('.tools/ghost'),
});

describe.each(databaseStrategies)('on %s', (strategy) => {
  const environment = (slug: string) =>
    siteEnvironment({ slug, title: slug, dir: shared.dir, strategy, server: shared.server });
  const query = (slug: string, sql: string) => querySite(siteOf(slug, strategy), sql);
  let whole: SiteShape;

  it('two processes that start at once on an empty database end healthy on one schema', async () => {
    const { outputs, shape } = await startTwins(siteOf(`twins-${strategy}`, strategy), 'initialising');
    whole = shape;
    expect(whole.columns.length).toBeGreaterThan(90);
    expect(whole.rows.migrations).toContain('2-create-fixtures.js');
    expect(whole.rows.users).toEqual(['ghost-user']);
    // Which of them initialised does not matter; that only one did, does.
    expect(outputs.filter((output) => output.includes('initialising an empty database'))).toHaveLength(1);
  });

  it.each(killMoments)('a first start that is killed after %i ms is made good by the next', async (momentMs) => {
    const killed = siteOf(`killed-${strategy}-${momentMs}`, strategy);
    const { shape } = await interruptFirstStart(killed, { work: 'initialising', momentMs, orphans: false });
    expect(shape).toEqual(whole);
  });

  it('a migration lock that a dead process left is released, and data is not touched', async () => {
    const slug = `twins-${strategy}`;
    await query(slug, 'update migrations_lock set locked = 1');
    await query(slug, "update settings set value = 'Kept' where key = 'title'");
    const site = await new SiteUnderTest(await environment(slug)).ready();
    expect(site.output).toContain('was left by a process that is gone');
    expect(await query(slug, "select value from settings where key = 'title'")).toEqual([{ value: 'Kept' }]);
    expect(await query(slug, 'select locked from migrations_lock')).toEqual([{ locked: 0 }]);
    await site.stop();
  });

  it('migrate --check tells an interrupted first start from a ready site, and changes neither', async () => {
    const slug = `twins-${strategy}`;
    const env = await environment(slug);
    const ready = new SiteUnderTest(env, ['migrate', '--check']);
    expect([await ready.exited(), ready.output]).toEqual([0, '{"state":"ready","missing":[]}\n']);
    await query(slug, `create table ${initialisingMarker} (started_at text)`);
    try {
      const interrupted = new SiteUnderTest(env, ['migrate', '--check']);
      expect([await interrupted.exited(), interrupted.output]).toEqual([1, '{"state":"interrupted","missing":[]}\n']);
      expect(await query(slug, "select value from settings where key = 'title'")).toEqual([{ value: 'Kept' }]);
    } finally {
      await query(slug, `drop table ${initialisingMarker}`);
    }
  });
});

describe('migrating', () => {
  it("is not cut off by the time that the site's role may leave a transaction idle", async () => {
    const slug = 'takes-its-time';
    const env = await siteEnvironment({
      slug,
      title: slug,
      dir: shared.dir,
      strategy: 'database',
      server: shared.server,
    });
    const { database, user } = locateSiteDatabase({ slug, strategy: 'database' });
    // Ghost hashes a password in a transaction, which takes longer than this.
    await withClient(shared.server, 'postgres', (client) =>
      client.query(`alter role ${user} in database ${database} set idle_in_transaction_session_timeout = '20ms'`),
    );
    const migrating = new SiteUnderTest(env, ['migrate']);
    const code = await migrating.exited();
    expect(code, migrating.output.slice(-4_000)).toBe(0);
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
    await vi.waitFor(async () => expect((await patient.readiness()).phase).toBe('waiting for the database'), {
      timeout: 30_000,
      interval: 100,
    });
    const back = await startTestPostgres(own.dir, database.port);
    await patient.ready();
    await patient.stop();
    await back.stop();
    await own.remove();
  });
});
