import { afterAll, beforeAll } from 'vitest';
import type { PostgresServer } from '../../scripts/services/postgres.ts';
import { startTestPostgres, temporaryDir } from './site-process.ts';

/** A folder and a PostgreSQL server for the tests of one file; filled before the first of them. */
export interface TestServer {
  dir: string;
  server: PostgresServer;
}

/** Starts a server before the tests of the calling file and removes it and its folder afterwards. */
export function useTestServer(): TestServer {
  const shared = {} as TestServer;
  let remove: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const files = await temporaryDir();
    remove = files.remove;
    shared.dir = files.dir;
    shared.server = await startTestPostgres(files.dir);
  });
  afterAll(async () => {
    await shared.server?.stop();
    await remove?.();
  });
  return shared;
}
