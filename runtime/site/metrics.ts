import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Knex } from 'knex';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { MigrationState } from './migration/migrate.ts';

const httpSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const querySeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

const uncountedHeader = 'x-site-uncounted';

/** What Node's channels say of a request. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly server: Server;
}

interface Pool {
  numUsed(): number;
  numFree(): number;
  numPendingAcquires(): number;
}

/**
 * A site's metrics in Prometheus' text format, every series labelled with the site: the process (event loop, memory,
 * garbage collection), requests, database queries, the pool and the migrations.
 */
export class SiteMetrics {
  /** Headers of a request that this process sends to itself and that is not counted: no visitor knows the value. */
  readonly uncounted: Readonly<Record<string, string>> = { [uncountedHeader]: randomUUID() };
  readonly #registry = new Registry();
  readonly #requests: Histogram<'method' | 'status'>;
  readonly #queries: Histogram<'outcome'>;
  readonly #migrations: Gauge<'state'>;
  readonly #requestsUnderWay: Gauge;
  readonly #stops: (() => void)[] = [];

  constructor(slug: string) {
    const registers = [this.#registry];
    this.#registry.setDefaultLabels({ site: slug });
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: 'site_http_request_seconds',
      help: 'Requests that Ghost answered',
      labelNames: ['method', 'status'],
      buckets: httpSeconds,
      registers,
    });
    this.#requestsUnderWay = new Gauge({
      name: 'site_http_requests_under_way',
      help: 'Requests that Ghost is answering',
      registers,
    });
    this.#queries = new Histogram({
      name: 'site_database_query_seconds',
      help: 'Queries of Ghost, the wait for a connection not included',
      labelNames: ['outcome'],
      buckets: querySeconds,
      registers,
    });
    this.#migrations = new Gauge({
      name: 'site_migrations',
      help: '1 for the state in which the migrations are',
      labelNames: ['state'],
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Requests that Ghost answered since this process began. */
  async requestCount(): Promise<number> {
    const { values } = await this.#requests.get();
    const counts = values.filter(({ metricName }) => metricName === 'site_http_request_seconds_count');
    return counts.reduce((sum, { value }) => sum + value, 0);
  }

  setMigrationState(state: MigrationState): void {
    this.#migrations.reset();
    this.#migrations.set({ state }, 1);
  }

  /** Observes every request from outside that `server` answers, through Node's own diagnostics channels. */
  observeServer(server: Server): void {
    const started = new WeakMap<IncomingMessage, bigint>();
    const onStart = (message: unknown) => {
      const { request, response, server: source } = message as Exchange;
      if (source !== server || request.headers[uncountedHeader] === this.uncounted[uncountedHeader]) return;
      started.set(request, process.hrtime.bigint());
      this.#requestsUnderWay.inc();
      // Also where the visitor left before the answer was finished.
      response.once('close', () => this.#requestsUnderWay.dec());
    };
    const onFinish = (message: unknown) => {
      const { request, response, server: source } = message as Exchange;
      const start = started.get(request);
      if (source !== server || start === undefined) return;
      const labels = { method: request.method ?? 'GET', status: String(response.statusCode) };
      this.#requests.observe(labels, Number(process.hrtime.bigint() - start) / 1e9);
    };
    subscribe('http.server.request.start', onStart);
    subscribe('http.server.response.finish', onFinish);
    this.#stops.push(() => {
      unsubscribe('http.server.request.start', onStart);
      unsubscribe('http.server.response.finish', onFinish);
    });
  }

  /** Observes every query that goes through `knex`, and its pool. */
  observeDatabase(knex: Knex): void {
    const started = new Map<string, bigint>();
    const finish = (uid: string, outcome: 'ok' | 'error') => {
      const start = started.get(uid);
      started.delete(uid);
      if (start !== undefined) this.#queries.observe({ outcome }, Number(process.hrtime.bigint() - start) / 1e9);
    };
    knex.on('query', (query: { __knexQueryUid: string }) => started.set(query.__knexQueryUid, process.hrtime.bigint()));
    knex.on('query-response', (_response: unknown, query: { __knexQueryUid: string }) =>
      finish(query.__knexQueryUid, 'ok'),
    );
    knex.on('query-error', (_error: unknown, query: { __knexQueryUid: string }) =>
      finish(query.__knexQueryUid, 'error'),
    );
    const failed = new Counter({
      name: 'site_database_pool_unavailable_total',
      help: 'Times the pool could not be read',
      registers: [this.#registry],
    });
    const connections = new Gauge({
      name: 'site_database_pool',
      help: 'Connections of the pool by use, and queries that wait for one',
      labelNames: ['use'],
      registers: [this.#registry],
      collect() {
        const pool = (knex.client as { pool?: Pool }).pool;
        if (pool === undefined) {
          failed.inc();
          return;
        }
        connections.set({ use: 'busy' }, pool.numUsed());
        connections.set({ use: 'idle' }, pool.numFree());
        connections.set({ use: 'awaited' }, pool.numPendingAcquires());
      },
    });
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#registry.clear();
  }
}
