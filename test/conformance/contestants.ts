import path from 'node:path';
import type { Knex } from 'knex';
import { provisionSiteDatabase } from '../../runtime/database/provision.ts';
import {
  connectMariadb,
  connectPostgres,
  connectSqlite,
  convertToMysqlCollation,
} from '../../scripts/dataset/connections.ts';
import type { MariadbServer } from '../../scripts/services/mariadb.ts';
import { startPgbouncer } from '../../scripts/services/pgbouncer.ts';
import { freePort, type PostgresServer } from '../../scripts/services/postgres.ts';
import { type StockDatabase, startStockGhost } from '../../scripts/services/stock-ghost.ts';
import { SiteUnderTest } from '../support/site-process.ts';
import { contentPathOf } from './database.ts';

/** The address that every contestant believes to be at, so that links are the same. */
export const siteUrl = 'http://conformance.example.com';

/** A Ghost on one database. */
export interface Contestant {
  readonly name: string;
  /** Starts Ghost; resolves with its port when it serves. */
  start(): Promise<{ port: number; stop(): Promise<void>; output(): string }>;
  /** A connection to its database past Ghost, to fill it and to look into it. */
  connect(): Knex;
  /** Done once, after Ghost's first start and before the database is filled. */
  afterFirstStart(): Promise<void>;
}

const ghostEnvironment = {
  mail__transport: 'stub',
  security__staffDeviceVerification: 'false',
  // The receiver of the webhooks is on this machine.
  security__allowWebhookInternalIPs: 'true',
  privacy__useUpdateCheck: 'false',
  privacy__useGravatar: 'false',
  logging__level: 'error',
};

/** Where the contestants' files are, and the Ghost that runs. */
export interface Place {
  readonly dir: string;
  readonly ghostPath: string;
}

export function sqliteContestant({ dir, ghostPath }: Place): Contestant {
  const name = 'sqlite';
  const filename = path.join(contentPathOf(dir, name), 'data', 'ghost.db');
  return {
    name,
    start: () => startStock(name, { dir, ghostPath }, { client: 'sqlite', filename }),
    connect: () => connectSqlite(filename),
    afterFirstStart: () => Promise.resolve(),
  };
}

export function mariadbContestant({ dir, ghostPath }: Place, server: MariadbServer): Contestant {
  const name = 'mariadb';
  const database = 'conformance';
  const { host, port, user, password } = server;
  return {
    name,
    start: () => startStock(name, { dir, ghostPath }, { client: 'mysql', host, port, user, password, database }),
    connect: () => connectMariadb(server, database),
    async afterFirstStart() {
      const knex = connectMariadb(server, database);
      try {
        await convertToMysqlCollation(knex, database);
      } finally {
        await knex.destroy();
      }
    },
  };
}

/**
 * PostgreSQL with a schema or a database for the site, or with a database behind PgBouncer in transaction mode: migrations
 * alone then reach the server itself.
 */
export function postgresContestant(
  { dir, ghostPath }: Place,
  server: PostgresServer,
  kind: 'schema' | 'database' | 'pooler',
): Contestant {
  const name = kind === 'pooler' ? 'postgres database through PgBouncer' : `postgres ${kind}`;
  const strategy = kind === 'schema' ? 'schema' : 'database';
  const slug = `conformance-${kind}`;
  const password = 'a-password';
  const placed = provisionSiteDatabase(server, { slug, strategy, password });
  let database = '';
  return {
    name,
    async start() {
      const place = await placed;
      database = place.database;
      const [port, probePort] = [await freePort(), await freePort()];
      const pooler =
        kind === 'pooler'
          ? await startPgbouncer({ dir: path.join(dir, 'pgbouncer'), server, users: { [place.user]: password } })
          : undefined;
      const endpoint = pooler ?? server;
      const site = new SiteUnderTest({
        ...ghostEnvironment,
        GHOST_PATH: path.resolve(ghostPath),
        SITE_SLUG: slug,
        SITE_URL: siteUrl,
        CONTENT_PATH: contentPathOf(dir, slug),
        PORT: String(port),
        PROBE_PORT: String(probePort),
        DATABASE_CLIENT: 'postgres',
        DATABASE_STRATEGY: strategy,
        DATABASE_HOST: endpoint.host,
        DATABASE_PORT: String(endpoint.port),
        DATABASE_DIRECT_HOST: server.host,
        DATABASE_DIRECT_PORT: String(server.port),
        DATABASE_NAME: database,
        DATABASE_PASSWORD: password,
      });
      await site.ready();
      return {
        port,
        output: () => site.output,
        async stop() {
          await site.stop();
          await pooler?.stop();
        },
      };
    },
    connect: () =>
      connectPostgres(server, {
        database,
        searchPath:
          strategy === 'schema' ? `site_${slug.replaceAll('-', '_')}, public, mysql_compat` : 'public, mysql_compat',
      }),
    afterFirstStart: () => Promise.resolve(),
  };
}

function startStock(name: string, { dir, ghostPath }: Place, database: StockDatabase) {
  return startStockGhost({
    ghostPath,
    contentPath: contentPathOf(dir, name),
    database,
    url: siteUrl,
    env: ghostEnvironment,
  });
}
