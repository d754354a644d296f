import { spawn } from 'node:child_process';
import path from 'node:path';
import type { DatabaseSettings } from '../../../runtime/platform/database/settings.ts';
import { repositoryDir } from '../../../scripts/fleet/supervised-process.ts';
import { recordedEngineVariable } from '../../support/recorded-engine.ts';
import type { TestRedis } from '../../support/redis-server.ts';
import type { StartedWorker } from '../workers.ts';
import { clusterName, probeDomain } from './names.ts';

/** What all processes of the platform under test are told. */
export interface PlatformSettings {
  readonly database: DatabaseSettings;
  readonly redis: Pick<TestRedis, 'host' | 'port' | 'user' | 'password'>;
  readonly mailPort: number;
  /** Proxy by which the sites and their probe ports are reached. */
  readonly proxyPort: number;
  readonly apiPort: number;
  readonly analyticsKey: string;
  readonly stack: string;
  readonly shards: number;
  /** What `npm run up` finds besides. */
  readonly variables: Readonly<Record<string, string>>;
  /** File with the recorded engine's settings. */
  readonly engine: string;
}

/**
 * Starts one of the platform's roles as its container does, with a checkout of its own; it ends by itself when whoever started
 * it is gone.
 */
export function startPlatformProcess(
  role: 'api' | 'worker',
  checkout: string,
  settings: PlatformSettings,
): StartedWorker {
  const main = path.join(repositoryDir, 'runtime/platform/main.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, role], {
    env: environment(checkout, settings),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (text: Buffer) => {
      if (text.includes('"msg":"ready"')) resolve();
    });
  });
  return { process: child, ready };
}

function environment(checkout: string, settings: PlatformSettings): NodeJS.ProcessEnv {
  const { database, redis, mailPort, proxyPort, apiPort, analyticsKey, stack, shards, engine, variables } = settings;
  const { host, port } = database;
  return {
    ...variables,
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    TZ: 'UTC',
    NODE_ENV: 'production',
    // Says at each start that it is an experiment.
    NODE_NO_WARNINGS: '1',
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: `http://127.0.0.1:${proxyPort}`,
    NO_PROXY: '127.0.0.1,localhost',
    HOST: '127.0.0.1',
    PORT: String(apiPort),
    PLATFORM_URL: `http://platform.localhost:${apiPort}`,
    DATABASE_HOST: host,
    DATABASE_PORT: String(port),
    DATABASE_NAME: database.name,
    DATABASE_USER: database.user,
    DATABASE_PASSWORD: database.password,
    REDIS_URL: `redis://${redis.user}:${redis.password}@${redis.host}:${redis.port}`,
    SESSION_SECRET: 'a secret of a test, which is long enough',
    MAIL_HOST: '127.0.0.1',
    MAIL_PORT: String(mailPort),
    MAIL_FROM: 'fleet@example.com',
    PROVISIONING: 'git',
    SITES_CHECKOUT: checkout,
    SITES_STACK: stack,
    SITES_SHARDS: String(shards),
    ANALYTICS_KEY: analyticsKey,
    ANALYTICS_PROBE_URL: `http://{slug}.${probeDomain}`,
    SITES_SERVERS: JSON.stringify({ default: { host, port }, [clusterName]: { host, port } }),
    STOP_ON_STDIN_END: 'true',
    [recordedEngineVariable]: engine,
  };
}
