import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureProgram, mariadb } from './debian-packages.ts';
import { freePort } from './postgres.ts';

export interface MariadbServerOptions {
  /** Where the server's files are, or will be made. */
  readonly dataDir: string;
  /** Server settings, as in my.cnf. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A MariaDB server that this process runs on 127.0.0.1: the stand-in for MySQL 8 wherever answers or speed are compared. */
export interface MariadbServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** May do everything, and has no password: the server lives for one comparison and listens on loopback alone. */
  readonly user: 'fleet';
  readonly password: '';
  /** Process id of the server. */
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts Debian's MariaDB, which is installed first where that is allowed.
 *
 * @throws Error when it is missing and cannot be installed, or does not answer within 60 seconds
 */
export async function startMariadb(options: MariadbServerOptions): Promise<MariadbServer> {
  const program = await ensureProgram(mariadb);
  if (program === undefined)
    throw new Error(`MariaDB is not on PATH: install the Debian package ${mariadb.debianPackage}`);
  const dataDir = path.resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true });
  if (!existsSync(path.join(dataDir, 'mysql'))) initialise(dataDir);
  const port = await freePort();
  const settings = {
    'max-allowed-packet': '64M',
    'default-time-zone': '+00:00',
    'max-connections': '300',
    ...options.settings,
  };
  const logFile = `${dataDir}.log`;
  const log = await open(logFile, 'a', 0o600);
  const child = spawn(
    program,
    [
      '--no-defaults',
      `--datadir=${dataDir}`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      `--socket=${path.join(dataDir, 'server.sock')}`,
      '--user=root',
      '--skip-name-resolve',
      `--init-file=${await writeInitFile(dataDir)}`,
      ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
    ],
    { stdio: ['ignore', log.fd, log.fd], detached: true },
  );
  await log.close();
  await waitUntilReady(child, port, logFile);
  return {
    host: '127.0.0.1',
    port,
    user: 'fleet',
    password: '',
    pid: child.pid ?? 0,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function initialise(dataDir: string): void {
  const made = spawnSync(
    'mariadb-install-db',
    [
      '--no-defaults',
      `--datadir=${dataDir}`,
      '--user=root',
      '--skip-test-db',
      '--auth-root-authentication-method=normal',
    ],
    { encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`mariadb-install-db ended with ${made.status}: ${made.stderr.slice(-2000)}`);
}

async function writeInitFile(dataDir: string): Promise<string> {
  const file = path.join(dataDir, 'init.sql');
  const handle = await open(file, 'w', 0o600);
  await handle.writeFile(
    "CREATE USER IF NOT EXISTS 'fleet'@'127.0.0.1';\nGRANT ALL PRIVILEGES ON *.* TO 'fleet'@'127.0.0.1' WITH GRANT OPTION;\n",
  );
  await handle.close();
  return file;
}

async function waitUntilReady(child: ChildProcess, port: number, logFile: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGTERM');
      throw new Error(`MariaDB did not start:\n${(await readFile(logFile, 'utf8')).split('\n').slice(-6).join('\n')}`);
    }
    await sleep(50);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const answer = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
