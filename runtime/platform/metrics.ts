import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { countSites } from './analytics/fleet-totals.ts';
import { countJobs } from './queue/inspection.ts';
import type { Services } from './services.ts';

/**
 * Metrics of one process of the platform in Prometheus' text format: the process, the requests that it answered, and what
 * the database says of jobs and sites. While the database is away the rest is there, and `platform_database_up` is 0.
 */
export class PlatformMetrics {
  readonly #registry = new Registry();
  readonly #services: Services;
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #databaseUp: Gauge;
  readonly #jobs: Gauge<'kind' | 'state'>;
  readonly #overdue: Gauge<'kind'>;
  readonly #sites: Gauge<'state'>;
  readonly #stale: Gauge;

  constructor(services: Services) {
    this.#services = services;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: 'platform_http_request_seconds',
      help: 'Requests that API and dashboard answered, by the pattern of their route',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    });
    this.#databaseUp = new Gauge({ name: 'platform_database_up', help: '1 where the database answers', registers });
    this.#jobs = new Gauge({ name: 'platform_jobs', help: 'Jobs by state', labelNames: ['kind', 'state'], registers });
    this.#overdue = new Gauge({
      name: 'platform_job_overdue_seconds',
      help: 'How long the oldest job that waits has been due',
      labelNames: ['kind'],
      registers,
    });
    this.#sites = new Gauge({ name: 'platform_sites', help: 'Sites by state', labelNames: ['state'], registers });
    this.#stale = new Gauge({
      name: 'platform_sites_stale',
      help: 'Active sites whose numbers are older than they should be',
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    await this.#ask();
    return this.#registry.metrics();
  }

  /** Counts and times the requests that `app` answers; to be called before it listens. */
  observe(app: FastifyInstance): void {
    app.addHook('onResponse', async (request, reply) => {
      const route = request.routeOptions.url ?? 'none';
      const labels = { method: request.method, route, status: String(reply.statusCode) };
      this.#requests.observe(labels, reply.elapsedTime / 1_000);
    });
  }

  async #ask(): Promise<void> {
    for (const gauge of [this.#jobs, this.#overdue, this.#sites, this.#stale]) gauge.reset();
    const { database, now } = this.#services;
    try {
      const [jobs, { sites, stale }] = await database.asFleet(
        async (db) => [await countJobs(db), await countSites(db, now())] as const,
      );
      for (const { kind, state, count, overdueSeconds } of jobs) {
        this.#jobs.set({ kind, state }, Number(count));
        if (state === 'waiting') this.#overdue.set({ kind }, overdueSeconds);
      }
      for (const [state, count] of Object.entries(sites)) this.#sites.set({ state }, count);
      this.#stale.set(stale);
      this.#databaseUp.set(1);
    } catch {
      // Why is said wherever something needs it; here the zero says enough.
      this.#databaseUp.set(0);
    }
  }
}
