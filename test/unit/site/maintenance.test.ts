import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../scripts/services/postgres.ts';

let child: ChildProcess;
let port: number;
let probePort: number;

beforeAll(async () => {
  [port, probePort] = [await freePort(), await freePort()];
  const env = {
    PATH: process.env.PATH,
    SITE_SLUG: 'aurora-letters',
    SITE_TITLE: 'Aurora <Letters>',
    SITE_URL: 'https://aurora.example.com',
    CONTENT_PATH: '/nowhere',
    DATABASE_CLIENT: 'postgres',
    DATABASE_HOST: 'no-database.invalid',
    DATABASE_PASSWORD: 'unused',
    PORT: String(port),
    PROBE_PORT: String(probePort),
  };
  const flags = ['--disable-warning=ExperimentalWarning', 'runtime/site/entrypoint.ts', 'maintenance'];
  child = spawn(process.execPath, flags, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
}, 60_000);
afterAll(() => child?.kill('SIGKILL'));

describe('a paused site', () => {
  it('answers every path with its page and 503, without a database', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/any/path`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('3600');
    expect(await answer.text()).toContain('<h1>Aurora &lt;Letters&gt; is resting</h1>');
  });

  it('is alive and ready to Kubernetes, and ends at once on SIGTERM', async () => {
    for (const path of ['/livez', '/readyz']) {
      expect((await fetch(`http://127.0.0.1:${probePort}${path}`)).status).toBe(200);
    }
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  });
});
