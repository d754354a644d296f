import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Knex } from 'knex';
import { AnalyticsEndpoint } from './analytics/endpoint.ts';
import type { SiteConfig } from './config.ts';
import type { SiteMetrics } from './metrics.ts';
import type { MigrationState } from './migration/migrate.ts';

/** What the site is doing, in the order in which it does it. */
export type SitePhase = 'waiting for the database' | 'migrating' | 'starting Ghost' | 'serving' | 'stopping';

interface Readiness {
  readonly ready: boolean;
  readonly phase: SitePhase;
  readonly migrations: MigrationState | 'unknown';
  readonly checks: Readonly<Record<string, string>>;
}

/** Longer than a slow answer of a busy site, shorter than Kubernetes' patience with a probe. */
const checkTimeoutMs = 2_000;

/**
 * The port that the outside asks about the site: `/livez` (the process turns), `/readyz` (Ghost answers and the database
 * answers, asked anew each time), `/metrics`, and `/analytics` for the platform that has the site's token.
 */
export class ProbeServer {
  phase: SitePhase = 'waiting for the database';
  migrations: MigrationState | 'unknown' = 'unknown';
  readonly #config: SiteConfig;
  readonly #metrics: SiteMetrics;
  readonly #server: Server;
  readonly #analytics: AnalyticsEndpoint | undefined;
  #knex: Knex | undefined;

  constructor(config: SiteConfig, metrics: SiteMetrics) {
    this.#config = config;
    this.#metrics = metrics;
    const { analyticsToken } = config;
    if (analyticsToken !== undefined) this.#analytics = new AnalyticsEndpoint(config, metrics, analyticsToken);
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: Error) =>
        respond(response, 500, 'text/plain', `${error.message}\n`),
      );
    });
  }

  /** Listens on the probe port. @throws the socket's error, such as EADDRINUSE */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#config.probePort, this.#config.host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  /** From now on readiness asks Ghost and the database. */
  serve(knex: Knex): void {
    this.#knex = knex;
    this.phase = 'serving';
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').replace(/\?.*$/, '');
    const analytics = path === '/analytics' ? await this.#analytics?.answer(request) : undefined;
    if (path === '/livez') respond(response, 200, 'text/plain', 'ok\n');
    else if (path === '/metrics') respond(response, 200, this.#metrics.contentType, await this.#metrics.text());
    else if (analytics !== undefined) respond(response, analytics.status, 'application/json', analytics.body);
    else if (path === '/readyz') {
      const readiness = await this.#readiness();
      respond(response, readiness.ready ? 200 : 503, 'application/json', `${JSON.stringify(readiness)}\n`);
    } else respond(response, 404, 'text/plain', 'expected /livez, /readyz or /metrics\n');
  }

  async #readiness(): Promise<Readiness> {
    const { phase, migrations } = this;
    if (phase !== 'serving') return { ready: false, phase, migrations, checks: {} };
    const [ghost, database] = await Promise.all([outcome(this.#askGhost()), outcome(this.#askDatabase())]);
    return { ready: ghost === 'ok' && database === 'ok', phase, migrations, checks: { ghost, database } };
  }

  #askGhost(): Promise<void> {
    const { host, port, url } = this.#config;
    const site = new URL(url);
    const headers = {
      host: site.host,
      'x-forwarded-proto': site.protocol.slice(0, -1),
      ...this.#metrics.uncounted,
    };
    const path = `${site.pathname.replace(/\/$/, '')}/ghost/api/admin/site/`;
    return new Promise((resolve, reject) => {
      const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
      const request = get({ host: address, port, path, headers, agent: false, timeout: checkTimeoutMs }, (response) => {
        response.resume();
        if (response.statusCode === 200) resolve();
        else reject(new Error(`Ghost answers ${response.statusCode}`));
      });
      request.once('timeout', () => request.destroy(new Error('Ghost does not answer')));
      request.once('error', reject);
    });
  }

  async #askDatabase(): Promise<void> {
    await this.#knex?.raw('select 1').timeout(checkTimeoutMs);
  }
}

async function outcome(check: Promise<void>): Promise<string> {
  try {
    await check;
    return 'ok';
  } catch (error) {
    return (error as Error).message || (error as { code?: string }).code || 'failed';
  }
}

function respond(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
}
