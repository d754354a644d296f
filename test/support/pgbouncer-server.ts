import { spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { poolerConfig } from '../../components/pooler.ts';
import { ensureProgram, pgbouncer } from '../../scripts/services/debian-packages.ts';
import { freePort, type PostgresServer } from '../../scripts/services/postgres.ts';

export interface TestPgBouncer {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts PgBouncer with the very file that the component `Pooler` writes, paths and ports replaced.
 *
 * @throws Error when it is missing and cannot be installed
 */
export async function startTestPgBouncer(
  parent: string,
  server: PostgresServer,
  rolePassword: string,
): Promise<TestPgBouncer> {
  const program = await ensureProgram(pgbouncer);
  if (program === undefined)
    throw new Error(`PgBouncer is not on PATH: install the Debian package ${pgbouncer.debianPackage}`);
  const dir = path.join(parent, 'pgbouncer');
  await mkdir(dir);
  const port = await freePort();
  const budget = { replicas: 1, serverConnections: 20, poolSize: 2, clientConnections: 100, serverIdleSeconds: 5 };
  const config = poolerConfig({ host: server.host, port: server.port, ssl: 'off', role: 'pgbouncer', budget })
    .replaceAll('/etc/pgbouncer', dir)
    .replace('listen_addr = 0.0.0.0', 'listen_addr = 127.0.0.1')
    .replace('listen_port = 6432', `listen_port = ${port}`);
  await writeFile(path.join(dir, 'pgbouncer.ini'), config);
  await writeFile(path.join(dir, 'userlist.txt'), `"pgbouncer" "${rolePassword}"\n`);
  // PgBouncer refuses to be root.
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  for (const file of [parent, dir]) await chmod(file, 0o755);
  const child = spawn(program, [path.join(dir, 'pgbouncer.ini')], { stdio: 'ignore', ...nobody });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', reject);
  });
  await Promise.race([
    answers(port),
    ended.then(() => Promise.reject(new Error(`pgbouncer ended at once with ${dir}/pgbouncer.ini`))),
  ]);
  return {
    port,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** Waits until somebody refuses a login on the port: then the pooler is there. */
async function answers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'nobody', password: 'x', database: 'postgres' });
    const error = await client.connect().then(
      () => client.end().then(() => undefined),
      (reason: NodeJS.ErrnoException) => reason,
    );
    if (error?.code !== 'ECONNREFUSED') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`pgbouncer did not answer on port ${port}`);
}
