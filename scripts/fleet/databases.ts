import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { locateSiteDatabase, provisionSiteDatabase, withClient } from '../../runtime/database/provision.ts';
import { ensureTemplate } from '../../runtime/database/template.ts';
import { type DatabaseStrategy, identifierMaxBytes, namesOf } from '../../sites/naming.ts';
import { plans } from '../../sites/plans.ts';
import type { Site } from '../../sites/schema.ts';
import { type PostgresServer, startPostgres } from '../services/postgres.ts';
import { readerPassword } from './platform-secrets.ts';
import type { StateDir } from './state-dir.ts';

/** The fleet's databases: the platform's PostgreSQL server, and for each site a file, a schema or a database. */
export class FleetDatabases {
  readonly strategy: DatabaseStrategy;
  readonly #state: StateDir;
  readonly #server: PostgresServer;

  private constructor(strategy: DatabaseStrategy, state: StateDir, server: PostgresServer) {
    this.strategy = strategy;
    this.#state = state;
    this.#server = server;
  }

  static async start(strategy: DatabaseStrategy, state: StateDir): Promise<FleetDatabases> {
    const server = await startPostgres({ dataDir: state.postgres, settings: { max_connections: '500' } });
    return new FleetDatabases(strategy, state, server);
  }

  get server(): PostgresServer {
    return this.#server;
  }

  /**
   * Environment that tells a site's process where its data is; makes the site's role and database first if need be.
   *
   * @param ghostPath folder of the site's Ghost, from whose template a new database is cloned
   */
  async environmentFor(site: Site, ghostPath: string): Promise<Record<string, string>> {
    const { strategy } = this;
    if (strategy === 'sqlite') return { DATABASE_CLIENT: 'sqlite', DATABASE_STRATEGY: strategy };
    const { poolMax, connectionLimit, statementTimeoutMs } = plans[site.plan].database;
    const password = await this.#state.databasePassword(site.slug);
    const place = await provisionSiteDatabase(this.#server, {
      slug: site.slug,
      strategy,
      password,
      readerPassword: await readerPassword(this.#state, site.slug),
      connectionLimit,
      statementTimeoutMs,
      ghostPath,
    });
    return {
      DATABASE_CLIENT: 'postgres',
      DATABASE_STRATEGY: strategy,
      DATABASE_HOST: this.#server.host,
      DATABASE_PORT: String(this.#server.port),
      DATABASE_NAME: place.database,
      DATABASE_PASSWORD_FILE: this.#state.databasePasswordFile(site.slug),
      DATABASE_POOL_MAX: String(poolMax),
      // No pooler stands between the local fleet's sites and their server.
      DATABASE_PREPARED_STATEMENTS: 'on',
    };
  }

  /** Makes what a new site's database is cloned from, so that the next new site need not wait for it. */
  async prepareForNewSites(ghostPath: string): Promise<void> {
    if (this.strategy === 'database') await ensureTemplate(this.#server, ghostPath);
  }

  /** How the table calls a site's database. */
  describe(slug: string): string {
    if (this.strategy === 'sqlite') return `sqlite ${namesOf(slug).sqliteFile}`;
    const place = locateSiteDatabase({ slug, strategy: this.strategy });
    return this.strategy === 'database' ? `postgres ${place.database}` : `postgres ${place.database}.${place.schema}`;
  }

  /**
   * Sets a site's data aside, so that it starts empty: content folder and SQLite file move to `reset/`, a database or
   * schema gets another name. Nothing is deleted.
   *
   * @returns where the data went, a line each
   */
  async setAside(slug: string): Promise<string[]> {
    const stamp = new Date().toISOString().replaceAll(/[-:]/g, '').slice(0, 15);
    const moved: string[] = [];
    const content = this.#state.contentPath(slug);
    if (existsSync(content)) {
      const aside = this.#state.asidePath(slug, stamp);
      await mkdir(path.dirname(aside), { recursive: true });
      await rename(content, aside);
      moved.push(`${content} → ${aside}`);
    }
    if (this.strategy === 'sqlite') return moved;
    const place = locateSiteDatabase({ slug, strategy: this.strategy });
    const [from, kind, home] =
      this.strategy === 'database'
        ? [place.database, 'database', 'postgres']
        : [place.schema, 'schema', place.database];
    const to = `${from.slice(0, identifierMaxBytes - stamp.length - 1)}_${stamp}`.toLowerCase();
    await withClient(this.#server, 'postgres', async (client) => {
      const { rowCount } = await client.query('select from pg_database where datname = $1', [place.database]);
      if (rowCount === 0) return;
      await withClient(this.#server, home, async (admin) => {
        const catalogue =
          kind === 'database'
            ? 'select from pg_database where datname = $1'
            : 'select from pg_namespace where nspname = $1';
        if ((await admin.query(catalogue, [from])).rowCount === 0) return;
        await admin.query(`alter ${kind} ${pg.escapeIdentifier(from)} rename to ${pg.escapeIdentifier(to)}`);
        moved.push(`${kind} ${from} → ${to}`);
      });
    });
    return moved;
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}
