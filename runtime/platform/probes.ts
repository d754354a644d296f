import fastify, { type FastifyInstance } from 'fastify';
import { PlatformMetrics } from './metrics.ts';
import type { Services } from './services.ts';

/** What readiness is asked of. */
type Dependencies = Pick<Services, 'database' | 'stores'>;

/** `/livez` (the process turns) and `/readyz` (database and stores answer, asked anew each time), for who runs the process. */
export function registerProbes(app: FastifyInstance, { database, stores }: Dependencies): void {
  app.get('/livez', { config: { access: 'public' } }, async () => 'ok');
  app.get('/readyz', { config: { access: 'public' } }, async (_request, reply) => {
    const checks = { database: await outcomeOf(database.ping()), stores: await outcomeOf(stores.ping()) };
    const ready = Object.values(checks).every((outcome) => outcome === 'ok');
    return reply.status(ready ? 200 : 503).send({ phase: 'serving', checks });
  });
}

/**
 * What the cluster asks a process of the platform, on a port of its own that no route leads to: the probes, and `/metrics`.
 * Listening and closing are the caller's.
 *
 * @param observed server whose requests are counted, before it listens; none in a worker
 */
export function createProbes(services: Services, observed: FastifyInstance | undefined): FastifyInstance {
  const metrics = new PlatformMetrics(services);
  if (observed !== undefined) metrics.observe(observed);
  const app = fastify();
  registerProbes(app, services);
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  return app;
}

function outcomeOf(check: Promise<unknown>): Promise<'ok' | 'away'> {
  return check.then(
    () => 'ok' as const,
    () => 'away' as const,
  );
}
