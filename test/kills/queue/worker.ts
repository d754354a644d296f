import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { DatabaseSettings } from '../../../runtime/platform/database/settings.ts';
import type { RedisSettings } from '../../../runtime/platform/volatile/redis-settings.ts';
import type { StartedWorker } from '../workers.ts';

/** What a worker process is told. */
export interface WorkerSettings {
  readonly database: DatabaseSettings;
  readonly redis: RedisSettings | undefined;
  readonly file: string;
}

/** Starts a worker to be killed; it ends by itself when whoever started it is gone. */
export function startWorker(settings: WorkerSettings): StartedWorker {
  const program = path.join(import.meta.dirname, 'worker-process.ts');
  const child = fork(program, [JSON.stringify(settings)], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    detached: true,
  });
  return { process: child, ready: once(child, 'message') };
}
