import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ensureProgram, pgbouncer } from './debian-packages.ts';
import { freePort } from './postgres.ts';
import { spawnUnprivileged } from './unprivileged.ts';

export interface PgbouncerOptions {
  /** Folder for its configuration, users and log; made where it is missing. */
  readonly dir: string;
  /** The server behind it; every database of it can be asked for. */
  readonly server: { readonly host: string; readonly port: number };
  /** Passwords by role, in a file that only this user can read. */
  readonly users: Readonly<Record<string, string>>;
  /** More of pgbouncer.ini's settings. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A PgBouncer in transaction mode that this process runs on 127.0.0.1. */
export interface Pgbouncer {
  readonly host: '127.0.0.1';
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts Debian's PgBouncer in transaction mode, as a fleet has it between its sites and their server: pools that start
 * empty and let go of what is idle.
 *
 * @throws Error when it is missing and cannot be installed, or does not answer within 20 seconds
 */
export async function startPgbouncer(options: PgbouncerOptions): Promise<Pgbouncer> {
  const program = await ensureProgram(pgbouncer);
  if (program === undefined)
    throw new Error(`PgBouncer is not on PATH: install the Debian package ${pgbouncer.debianPackage}`);
  const dir = path.resolve(options.dir);
  await mkdir(dir, { recursive: true });
  const port = await freePort();
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: path.join(dir, 'users.txt'),
    pool_mode: 'transaction',
    default_pool_size: '8',
    min_pool_size: '0',
    server_idle_timeout: '10',
    max_db_connections: '20',
    max_client_conn: '1000',
    ...options.settings,
  };
  const { host, port: serverPort } = options.server;
  const lines = ['[databases]', `* = host=${host} port=${serverPort}`, '[pgbouncer]'];
  lines.push(...Object.entries(settings).map(([name, value]) => `${name} = ${value}`));
  const file = path.join(dir, 'pgbouncer.ini');
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const users = Object.entries(options.users).map(([user, password]) => `${quote(user)} ${quote(password)}`);
  await writeFile(settings.auth_file, `${users.join('\n')}\n`, { mode: 0o600 });
  const logFile = path.join(dir, 'pgbouncer.log');
  const log = await open(logFile, 'a', 0o600);
  const child = spawnUnprivileged(program, [file], { stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const running = () => child.exitCode === null && child.signalCode === null;
  for (const deadline = Date.now() + 20_000; !(await answers(port)); await sleep(50)) {
    if (running() && Date.now() < deadline) continue;
    child.kill('SIGINT');
    throw new Error(`PgBouncer did not start:\n${(await readFile(logFile, 'utf8')).split('\n').slice(-6).join('\n')}`);
  }
  return {
    host: '127.0.0.1',
    port,
    async stop() {
      // SIGINT waits for transactions to end, SIGTERM does not.
      if (running()) child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Whether somebody who speaks PostgreSQL's protocol is there: a refusal is an answer too. */
async function answers(port: number): Promise<boolean> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'nobody', database: 'nobody', password: 'none' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.end();
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== 'ECONNREFUSED';
  }
}
