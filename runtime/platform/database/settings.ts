import type { EnvironmentReader } from '../../environment/reader.ts';

/** How to reach the platform's database, possibly through a transaction pooler. */
export interface DatabaseSettings {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly user: string;
  readonly password: string;
  /** `off`, `require` (encrypted) or `verify` (encrypted, certificate checked). */
  readonly ssl: 'off' | 'require' | 'verify';
  /** Connections of this process at most. */
  readonly poolMax: number;
}

/** Reads them; what is wrong is among the reader's problems. */
export function databaseSettings(read: EnvironmentReader): DatabaseSettings {
  return {
    host: read.required('DATABASE_HOST', 'the host of the platform’s PostgreSQL'),
    port: read.integer('DATABASE_PORT', 5432, 1, 65_535),
    name: read.text('DATABASE_NAME') ?? 'platform',
    user: read.text('DATABASE_USER') ?? 'platform_app',
    password: read.required('DATABASE_PASSWORD', 'the password of the platform’s role'),
    ssl: read.oneOf('DATABASE_SSL', ['off', 'require', 'verify'], 'off'),
    poolMax: read.integer('DATABASE_POOL_MAX', 10, 1, 200),
  };
}
