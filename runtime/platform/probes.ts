import fastify, { type FastifyInstance } from 'fastify';
import type { PlatformMetrics } from './metrics.ts';

/**
 * What the cluster asks a process of the platform, on a port of its own that no route leads to: `/livez`, `/readyz` and
 * `/metrics`.
 *
 * @param isReady whether the process has begun what it is there for, and still is at it
 */
export function createProbes(metrics: PlatformMetrics, isReady: () => boolean): FastifyInstance {
  const app = fastify();
  app.get('/livez', async () => 'ok');
  app.get('/readyz', async (_request, reply) =>
    reply.status(isReady() ? 200 : 503).send(isReady() ? 'ok' : 'not ready'),
  );
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  return app;
}
