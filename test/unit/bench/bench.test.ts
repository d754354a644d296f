import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { cpuSecondsOf } from '../../../scripts/bench/cpu.ts';
import { load, percentileOf } from '../../../scripts/bench/load.ts';
import { measureCommand } from '../../../scripts/bench/process-tree.ts';
import { factorOf } from '../../../scripts/bench/projections/projection.ts';
import { sumOf } from '../../../scripts/bench/scale/readings.ts';
import { runScript } from '../../support/run-script.ts';

const bench = (...args: string[]) => runScript('scripts/bench.ts', args);

describe('npm run bench', { timeout: 60_000 }, () => {
  it('refuses a name that is no bench, and a part of one', async () => {
    for (const name of ['nothing', 'measure', 'load']) {
      const { exitCode, stderr } = await bench(name);
      expect(exitCode).toBe(78);
      expect(stderr).toContain(`expected the name of a bench; got ${name}`);
      expect(stderr).toContain('projections');
    }
  });

  it('names every bad option of the databases at once, before anything is started', async () => {
    const options = ['--rounds', '0', '--seconds', 'x', '--users', '1,900', '--only', 'front page,nowhere'];
    const { exitCode, stderr } = await bench('database', ...options, '--posts', '1');
    expect(exitCode).toBe(78);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^--only: expected part of one of 'front page', .*; got 'nowhere'$/),
      '--rounds: expected a whole number from 1 to 100; got "0"',
      '--seconds: expected a whole number from 1 to 600; got "x"',
      '--users: expected a whole number from 1 to 64; got "900"',
      '--posts: expected a whole number from 600 to 1000000; got "1"',
    ]);
  });

  it('names every bad option of the projections', async () => {
    const { exitCode, stderr } = await bench('projections', '--only', 'redis,mongo', '--seconds', '0');
    expect(exitCode).toBe(78);
    expect(stderr.trim().split('\n')).toEqual([
      '--only: expected one of sqlite, postgres, users, platform, redis; got "mongo"',
      '--seconds: expected a whole number from 1 to 600; got "0"',
    ]);
  });
});

describe('npm run bench -- preview', { timeout: 60_000 }, () => {
  it('names every bad option at once, before anything is started', async () => {
    const { exitCode, stderr } = await bench('preview', '--rounds', '0', '--sites', '10,5', '--files', 'many');
    expect(exitCode).toBe(78);
    expect(stderr.trim().split('\n')).toEqual([
      '--rounds: expected a whole number from 1 to 100; got "0"',
      '--files: expected a whole number from 1 to 100000; got "many"',
      '--sites: expected a whole number from 10 to 100000; got "5"',
    ]);
  });
});

describe('npm run bench -- scale', { timeout: 60_000 }, () => {
  it('names every bad option at once, before anything is started', async () => {
    const { exitCode, stderr } = await bench('scale', '--sites', '0', '--shard-size', '101', '--rounds', 'few');
    expect(exitCode).toBe(78);
    expect(stderr.trim().split('\n')).toEqual([
      '--sites: expected a whole number from 1 to 100000; got "0"',
      '--shard-size: expected a whole number from 1 to 100; got "101"',
      '--rounds: expected a whole number from 0 to 100; got "few"',
    ]);
  });

  it('counts requests in the metrics of an API server', () => {
    const metrics = [
      '# HELP apiserver_request_total Counter of apiserver requests.',
      'apiserver_request_total{code="200",verb="APPLY"} 12',
      'apiserver_request_total{code="409",verb="APPLY"} 3',
      'apiserver_request_total{code="200",verb="GET"} 1e+02',
      'apiserver_request_total_of_something_else{verb="APPLY"} 7',
      'process_open_fds 40',
    ].join('\n');
    expect(sumOf(metrics, 'apiserver_request_total')).toBe(115);
    expect(sumOf(metrics, 'apiserver_request_total', 'verb="APPLY"')).toBe(15);
    expect(sumOf(metrics, 'apiserver_request_total', 'verb="WATCH"')).toBe(0);
    expect(sumOf(metrics, 'process_open_fds')).toBe(40);
    expect(sumOf(metrics, 'apiserver_storage_size_bytes')).toBeNaN();
  });
});

describe.runIf(process.platform === 'linux')('a measured command', () => {
  const nameOf = ([, flag]: readonly string[]) => (flag === '-e' ? 'node' : undefined);
  const measureNode = (text: string) =>
    measureCommand({ program: process.execPath, args: ['-e', text], cwd: '.', env: {}, nameOf });

  // Two processes start for it, which takes long where the machine has much else to do.
  it('has the processor time and the memory of what it started', { timeout: 90_000 }, async () => {
    const child = `const full = Buffer.alloc(100 << 20, 1);
      for (const until = process.cpuUsage().user + 600_000; process.cpuUsage().user < until;);
      console.log(full.length);`;
    const script = `require('node:child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'inherit' })`;
    const { wall, cpu, memory, peaks, stdout } = await measureNode(script);
    expect(stdout.trim()).toBe(String(100 << 20));
    expect(cpu).toBeGreaterThanOrEqual(0.6);
    expect(wall).toBeGreaterThan(0.6);
    expect(peaks.get('node')).toBeGreaterThan(100);
    expect(memory).toBeGreaterThan(peaks.get('node') ?? Number.NaN);
  });

  it('that fails says what it printed', async () => {
    await expect(measureNode("console.log('so far'); process.exit(3)")).rejects.toThrow(/ended with 3:\nso far/);
  });
});

describe('a load', () => {
  it('is no load where a request has no answer', async () => {
    let asked = 0;
    const server = createServer((request, response) => {
      asked += 1;
      if (asked === 3) request.socket.end();
      else response.end('here');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const options = { port, headers: {}, users: 1, status: 200, next: () => ({ method: 'GET', path: '/' }) as const };
    try {
      await expect(load({ ...options, amount: 6 })).rejects.toThrow('1 of 6 requests had no answer');
      expect((await load({ ...options, amount: 6 })).requests).toBe(6);
    } finally {
      server.close();
    }
  });
});

describe('the figures', () => {
  it('take percentiles by rank', () => {
    const figures = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect([0, 0.5, 0.95, 1].map((share) => percentileOf(figures, share))).toEqual([1, 50, 95, 100]);
    expect(percentileOf([], 0.5)).toBeNaN();
  });

  it('are met from a factor of 1 on, where much is wanted and where little is', () => {
    const outcome = { projection: 'p', level: 'l', unit: 'u', wanted: 100 };
    expect(factorOf({ ...outcome, measured: 50 })).toBe(0.5);
    expect(factorOf({ ...outcome, measured: 50, least: true })).toBe(2);
  });

  it.runIf(process.platform === 'linux')('count the processor time of a process', () => {
    const before = cpuSecondsOf(process.pid);
    for (const until = process.cpuUsage().user + 60_000; process.cpuUsage().user < until; );
    expect(cpuSecondsOf(process.pid) - before).toBeGreaterThanOrEqual(0.04);
  });
});
