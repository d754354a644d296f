import type { ConnectionOptions } from 'node:tls';
import type pg from 'pg';
import type { PostgresSettings, SqliteSettings } from '../config.ts';

/** Ghost's own `database` configuration, as its documentation has it. */
export interface GhostDatabaseConfig {
  readonly client: string;
  readonly connection: Record<string, unknown>;
  readonly useNullAsDefault?: boolean;
  readonly pool?: Record<string, number>;
}

/**
 * The `database` object for Ghost's configuration. PostgreSQL is presented as `mysql2`, so that Ghost takes every branch
 * that it takes for its official production database; the dialect stands in the place of knex's own.
 */
export function ghostDatabaseConfig(settings: SqliteSettings | PostgresSettings): GhostDatabaseConfig {
  if (settings.client === 'sqlite') {
    return { client: 'better-sqlite3', connection: { filename: settings.filename }, useNullAsDefault: true };
  }
  return {
    client: 'mysql2',
    connection: {
      host: settings.endpoint.host,
      port: settings.endpoint.port,
      user: settings.user,
      password: settings.password,
      database: settings.database,
      ssl: sslOptions(settings.ssl),
      preparedStatements: settings.preparedStatements,
    },
    // A fleet's pools start empty, stay small and let go: a server has far fewer connections than a fleet has sites.
    pool: { min: 0, max: settings.poolMax, idleTimeoutMillis: 10_000, acquireTimeoutMillis: 30_000 },
  };
}

/** Connection past the pooler, for migrations and their session lock. */
export function directClientConfig(settings: PostgresSettings): pg.ClientConfig {
  return {
    host: settings.direct.host,
    port: settings.direct.port,
    user: settings.user,
    password: settings.password,
    database: settings.database,
    ssl: sslOptions(settings.directSsl),
    connectionTimeoutMillis: 5_000,
    application_name: 'ghost-migration',
  };
}

function sslOptions(mode: PostgresSettings['ssl']): ConnectionOptions | false {
  return mode === 'off' ? false : { rejectUnauthorized: mode === 'verify' };
}
