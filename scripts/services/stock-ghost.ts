import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareContentPath } from '../../runtime/site/content-path.ts';
import { freePort } from './postgres.ts';

/** Where a Ghost without our dialect keeps its data. */
export type StockDatabase =
  | { readonly client: 'sqlite'; readonly filename: string }
  | {
      readonly client: 'mysql';
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly database: string;
    };

export interface StockGhostOptions {
  readonly ghostPath: string;
  readonly contentPath: string;
  readonly database: StockDatabase;
  /** The site's address. @default http://localhost:<its port> */
  readonly url?: string;
  /** More of Ghost's own configuration, as environment variables (`mail__transport`, …). */
  readonly env?: Readonly<Record<string, string>>;
}

/** Ghost as its own package starts it, as a process of its own. */
export interface StockGhost {
  readonly port: number;
  readonly pid: number;
  /** What it printed so far. */
  output(): string;
  stop(): Promise<void>;
}

/**
 * Starts an unmodified Ghost without our dialect: what ours is compared with. Resolves when it serves.
 *
 * @throws Error with the last output when it ends or does not answer within two minutes
 */
export async function startStockGhost(options: StockGhostOptions): Promise<StockGhost> {
  const ghostPath = path.resolve(options.ghostPath);
  await prepareContentPath(options.contentPath, ghostPath);
  const port = await freePort();
  const url = options.url ?? `http://localhost:${port}`;
  const child = spawn(process.execPath, ['index.js'], {
    cwd: ghostPath,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_ENV: 'production',
      url,
      server__port: String(port),
      paths__contentPath: path.resolve(options.contentPath),
      logging__transports: '["stdout"]',
      logging__level: 'error',
      ...databaseEnvironment(options.database),
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-100_000);
    });
  }
  const running = () => child.exitCode === null && child.signalCode === null;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    if (running()) child.kill('SIGTERM');
    await ended;
  };
  const deadline = Date.now() + 120_000;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/ghost/api/admin/site/`, {
      headers: { 'x-forwarded-proto': new URL(url).protocol.slice(0, -1) },
    }).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === 200) break;
    if (!running() || Date.now() > deadline) {
      await stop();
      throw new Error(`Ghost did not start:\n${output.slice(-4_000)}`);
    }
    await sleep(50);
  }
  return { port, pid: child.pid ?? 0, output: () => output, stop };
}

function databaseEnvironment(database: StockDatabase): Record<string, string> {
  if (database.client === 'sqlite') {
    return {
      database__client: 'better-sqlite3',
      database__connection__filename: database.filename,
      database__useNullAsDefault: 'true',
    };
  }
  return {
    database__client: 'mysql',
    database__connection__host: database.host,
    database__connection__port: String(database.port),
    database__connection__user: database.user,
    database__connection__password: database.password,
    database__connection__database: database.database,
  };
}
