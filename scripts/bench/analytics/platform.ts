import path from 'node:path';
import { PlatformDatabase } from '../../../runtime/platform/database/connection.ts';
import { migratePlatform } from '../../../runtime/platform/database/migrator.ts';
import {
  ownerRole,
  platformDatabase,
  provisionPlatformDatabase,
} from '../../../runtime/platform/database/provision.ts';
import type { DatabaseSettings } from '../../../runtime/platform/database/settings.ts';
import { appRole } from '../../../runtime/platform/database/tenancy.ts';
import { type PostgresServer, startPostgres } from '../../services/postgres.ts';
import { stopWhenInterrupted } from '../interruption.ts';

/** A server of this bench's own with the platform's database, as its application role sees it. */
export interface BenchPlatform {
  readonly server: PostgresServer;
  readonly database: PlatformDatabase;
  /** The application role's. */
  readonly settings: DatabaseSettings;
  stop(): Promise<void>;
}

/** Starts PostgreSQL in `dir` and migrates the platform's database there. */
export async function startPlatform(
  dir: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchPlatform> {
  const server = await startPostgres({ dataDir: path.join(dir, 'postgres'), settings });
  stopWhenInterrupted(() => server.stop());
  const passwords = { owner: 'platform owner of a bench', app: 'platform app of a bench' };
  await provisionPlatformDatabase(server, passwords);
  const { host, port } = server;
  const common: Omit<DatabaseSettings, 'user' | 'password'> = {
    host,
    port,
    name: platformDatabase,
    ssl: 'off',
    poolMax: 16,
  };
  await migratePlatform({ ...common, user: ownerRole, password: passwords.owner });
  const appSettings = { ...common, user: appRole, password: passwords.app };
  const database = new PlatformDatabase(appSettings);
  return {
    server,
    database,
    settings: appSettings,
    async stop() {
      await database.close();
      await server.stop();
    },
  };
}
