import { afterAll, beforeAll } from 'vitest';
import { storePoolerCredential } from '../../components/provider/pooler-credential.ts';
import { withClient } from '../../runtime/database/administrator.ts';
import { PlatformDatabase } from '../../runtime/platform/database/connection.ts';
import { migratePlatform } from '../../runtime/platform/database/migrator.ts';
import { ownerRole, platformDatabase, provisionPlatformDatabase } from '../../runtime/platform/database/provision.ts';
import type { DatabaseSettings } from '../../runtime/platform/database/settings.ts';
import { appRole } from '../../runtime/platform/database/tenancy.ts';
import type { PostgresServer } from '../../scripts/services/postgres.ts';
import { startTestPgBouncer, type TestPgBouncer } from './pgbouncer-server.ts';
import { startTestPostgres, temporaryDir } from './site-process.ts';

/** A migrated platform database for the tests of one file; filled before the first of them. */
export interface TestPlatform {
  dir: string;
  server: PostgresServer;
  /** The application role's settings, past any pooler. */
  settings: DatabaseSettings;
  /** The owner's, which migrates. */
  owner: DatabaseSettings;
  /** Opened with `settings`, or through the pooler where one was asked for. */
  database: PlatformDatabase;
}

/**
 * Starts PostgreSQL with the platform's database before the tests of the calling file and removes both afterwards.
 *
 * @param options.pooler whether `database` goes through PgBouncer in transaction mode @default false
 */
export function usePlatformDatabase(options: { readonly pooler?: boolean } = {}): TestPlatform {
  const shared = {} as TestPlatform;
  let remove: (() => Promise<void>) | undefined;
  let pooler: TestPgBouncer | undefined;
  beforeAll(async () => {
    const files = await temporaryDir();
    remove = files.remove;
    shared.dir = files.dir;
    shared.server = await startTestPostgres(files.dir);
    const passwords = { owner: 'platform owner of a test', app: 'platform app of a test' };
    await provisionPlatformDatabase(shared.server, passwords);
    const { host, port } = shared.server;
    const common = { host, port, name: platformDatabase, ssl: 'off', poolMax: 10 } as const;
    shared.owner = { ...common, user: ownerRole, password: passwords.owner };
    shared.settings = { ...common, user: appRole, password: passwords.app };
    await migratePlatform(shared.owner);
    if (options.pooler === true) pooler = await startPlatformPooler(files.dir, shared.server);
    shared.database = new PlatformDatabase({ ...shared.settings, port: pooler?.port ?? port });
  });
  afterAll(async () => {
    await shared.database?.close();
    await pooler?.stop();
    await shared.server?.stop();
    await remove?.();
  });
  return shared;
}

/** PgBouncer in transaction mode, which finds the application role's verifier as in a cluster. */
async function startPlatformPooler(dir: string, server: PostgresServer): Promise<TestPgBouncer> {
  const password = 'looks passwords up';
  await withClient(server, platformDatabase, async (client) => {
    await client.query(`create role pgbouncer login password '${password}'`);
    const query = 'select rolpassword as verifier from pg_authid where rolname = $1';
    const verifier = (await client.query<{ verifier: string }>(query, [appRole])).rows[0]?.verifier ?? '';
    await storePoolerCredential(client, platformDatabase, 'pgbouncer', appRole, verifier);
  });
  return startTestPgBouncer(dir, server, password);
}
