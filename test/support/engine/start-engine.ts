import path from 'node:path';
import { type EngineEnvironment, engineEnvironment } from '../../../scripts/engine/environment.ts';
import type { PostgresServer } from '../../../scripts/services/postgres.ts';
import { installTools } from '../../../scripts/tools/install.ts';
import { type ApiServer, startApiServer } from './api-server.ts';

/** What a run of the real engine needs: servers to work on, and an environment of its own. */
export interface EngineBed {
  dir: string;
  kubernetes: ApiServer;
  postgres: PostgresServer;
  environment: EngineEnvironment;
}

/** Installs the engine with a home in a folder, and starts a Kubernetes API there. */
export async function startEngine(dir: string): Promise<Pick<EngineBed, 'environment' | 'kubernetes'>> {
  const tools = await installTools({ root: path.resolve('.'), sets: ['engine', 'api-server'] });
  const { PATH, HOME } = process.env;
  return {
    environment: await engineEnvironment(path.join(dir, 'pulumi'), tools, { PATH, HOME }),
    kubernetes: await startApiServer(path.join(dir, 'kubernetes'), tools.bin),
  };
}
