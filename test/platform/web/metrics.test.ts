import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProbes } from '../../../runtime/platform/probes.ts';
import { createServer } from '../../../runtime/platform/web/server.ts';
import { registerSite, usePlatformService } from '../../support/platform-service.ts';

const service = usePlatformService();
let app: Awaited<ReturnType<typeof createServer>>;
let probes: ReturnType<typeof createProbes>;
beforeAll(async () => {
  await registerSite(service, 'aurora-letters', 'mira@example.com');
  await registerSite(service, 'harbour-notes', 'mira@example.com');
  app = await createServer(service.services);
  probes = createProbes(service.services, app);
});
afterAll(async () => {
  await app?.close();
  await probes?.close();
});

const ask = async (url: string) => {
  const { statusCode, body } = await probes.inject({ url });
  return { statusCode, body };
};

describe("the platform's metrics", () => {
  it('count requests by the pattern of their route, never by what stands in it', async () => {
    await app.inject({ url: '/sign-in' });
    await app.inject({ url: '/sign-in/a-token-of-somebody' });
    await app.inject({ url: '/no-such-page' });
    const { body } = await ask('/metrics');
    expect(body).toContain('platform_http_request_seconds_count{method="GET",route="/sign-in",status="200"} 1');
    expect(body).toMatch(
      /platform_http_request_seconds_count\{method="GET",route="\/sign-in\/:token",status="\d+"\} 1/,
    );
    expect(body).toContain('route="none",status="404"} 1');
    expect(body).not.toContain('a-token-of-somebody');
  });

  it('count jobs that are dead and sites that are stale', async () => {
    const { database } = service.platform;
    const job = { kind: 'of-a-test', payload: '{}', max_attempts: 3 };
    await database.asFleet((db) =>
      db('jobs').insert([
        { ...job, key: 'dead', state: 'failed', due_at: null, finished_at: new Date() },
        { ...job, key: 'late', state: 'waiting', due_at: new Date(Date.now() - 90_000) },
      ]),
    );
    const { body } = await ask('/metrics');
    expect(body).toContain('platform_jobs{kind="of-a-test",state="failed"} 1');
    const overdue = Number(/platform_job_overdue_seconds\{kind="of-a-test"\} (\S+)/.exec(body)?.[1]);
    expect(overdue).toBeGreaterThanOrEqual(90);
    expect(overdue).toBeLessThan(600);
    expect(body).toContain('platform_sites{state="active"} 2');
    expect(body).toContain('platform_sites_stale 2');
    expect(body).toContain('platform_database_up 1');
  });

  it('stand beside the probes of a process', async () => {
    expect(await ask('/livez')).toEqual({ statusCode: 200, body: 'ok' });
    expect((await ask('/readyz')).statusCode).toBe(200);
    expect((await ask('/sites')).statusCode).toBe(404);
  });
});
