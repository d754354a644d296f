import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type EngineEnvironment, engineEnvironment } from '../../../scripts/engine/environment.ts';
import type { PostgresServer } from '../../../scripts/services/postgres.ts';
import { installTools } from '../../../scripts/tools/install.ts';
import { startTestPostgres, temporaryDir } from '../site-process.ts';
import { type ApiServer, startApiServer } from './api-server.ts';

/** What a run of the real engine needs: servers to work on, and an environment of its own. */
export interface EngineBed {
  dir: string;
  kubernetes: ApiServer;
  postgres: PostgresServer;
  environment: EngineEnvironment;
}

/** Fills a bed before the tests of the calling file, and removes it afterwards. */
export function useEngineBed(): EngineBed {
  const bed = {} as EngineBed;
  let remove: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const files = await temporaryDir();
    remove = files.remove;
    bed.dir = files.dir;
    const tools = await installTools({ root: path.resolve('.'), sets: ['engine', 'api-server'] });
    const { PATH, HOME } = process.env;
    bed.environment = await engineEnvironment(path.join(files.dir, 'pulumi'), tools, { PATH, HOME });
    bed.postgres = await startTestPostgres(files.dir);
    bed.kubernetes = await startApiServer(path.join(files.dir, 'kubernetes'), tools.bin);
  });
  afterAll(async () => {
    await bed.kubernetes?.stop();
    await bed.postgres?.stop();
    await remove?.();
  });
  return bed;
}
