import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import type { RedisSettings } from '../../runtime/platform/volatile/redis-settings.ts';
import { ensureProgram, redis } from '../../scripts/services/debian-packages.ts';
import { freePort } from '../../scripts/services/postgres.ts';

export interface TestRedis extends RedisSettings {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly user: 'fleet-admin';
  readonly password: string;
  /** Ends it without a word: what it has not written to its disk is lost. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Folder, below the server's own, of what it keeps. */
export const redisData = 'redis-data';

/**
 * Starts Redis on 127.0.0.1, with an administrator in an ACL file and no default user.
 *
 * @param options.port @default a free one
 * @param options.keepsData whether it writes down what it is told, to find it when it comes back @default false
 * @throws Error when it is missing and cannot be installed
 */
export async function startTestRedis(
  dir: string,
  { port, keepsData = false }: { readonly port?: number; readonly keepsData?: boolean } = {},
): Promise<TestRedis> {
  const program = await ensureProgram(redis);
  if (program === undefined) throw new Error(`Redis is not on PATH: install the Debian package ${redis.debianPackage}`);
  const at = port ?? (await freePort());
  const password = 'test-administrator';
  const aclFile = path.join(dir, 'users.acl');
  await writeFile(aclFile, `user default off\nuser fleet-admin on >${password} ~* &* +@all\n`);
  const args = ['--port', String(at), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--aclfile', aclFile];
  if (keepsData) args.push('--appendonly', 'yes', '--appenddirname', redisData);
  const child = spawn(program, args, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', reject);
  });
  const client = new Redis({ host: '127.0.0.1', port: at, username: 'fleet-admin', password, lazyConnect: true });
  client.on('error', () => undefined);
  await Promise.race([client.ping(), ended.then(() => Promise.reject(new Error('redis-server ended at once')))]);
  client.disconnect();
  return {
    host: '127.0.0.1',
    port: at,
    user: 'fleet-admin',
    password,
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
