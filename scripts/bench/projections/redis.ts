import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { $ } from 'zx';
import { ensureProgram, redis } from '../../services/debian-packages.ts';
import { freePort } from '../../services/postgres.ts';
import { stopWhenInterrupted } from '../interruption.ts';
import type { Outcome, Projection } from './projection.ts';

/** Redis, asked by its own load generator, which comes with it. */
export const redisOperations: Projection = {
  name: 'redis',
  async measure({ dir, seconds }) {
    const program = await ensureProgram(redis);
    if (program === undefined)
      throw new Error(`Redis is not on PATH: install the Debian package ${redis.debianPackage}`);
    const port = String(await freePort());
    const settings = ['--bind', '127.0.0.1', '--port', port, '--dir', path.resolve(dir), '--appendonly', 'yes'];
    const server = spawn(program, settings, { stdio: 'ignore' });
    const ended = new Promise((resolve) => server.once('exit', resolve));
    const stop = () => {
      server.kill('SIGTERM');
      return ended;
    };
    stopWhenInterrupted(stop);
    try {
      await answering(port);
      return await measure(port, seconds);
    } finally {
      await stop();
    }
  },
};

async function answering(port: string): Promise<void> {
  for (const deadline = Date.now() + 10_000; ; await sleep(50)) {
    const { exitCode } = await $({ nothrow: true, quiet: true })`redis-cli -h 127.0.0.1 -p ${port} ping`;
    if (exitCode === 0) return;
    if (Date.now() > deadline) throw new Error(`Redis does not answer on port ${port}`);
  }
}

async function measure(port: string, seconds: number): Promise<Outcome[]> {
  const amount = String(seconds * 20_000);
  const { stdout } = await $({
    quiet: true,
  })`redis-benchmark -h 127.0.0.1 -p ${port} -c 50 -n ${amount} -d 200 -r 100000 -t set,get,lpush --csv`;
  return [...stdout.matchAll(/^"(\w+)","([\d.]+)"/gm)].map(([, operation = '', rate]) => ({
    projection: 'Redis operations',
    level: `${operation} of 200 bytes; redis-benchmark, 50 connections, append-only file synced every second`,
    wanted: 10_000,
    measured: Number(rate),
    unit: 'operations/s',
  }));
}
