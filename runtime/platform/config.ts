import { type EnvironmentProblem, EnvironmentReader } from '../environment/reader.ts';

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

/** The environment does not describe a platform. The message names every problem, a line each, and no secret. */
export class PlatformConfigError extends Error {
  readonly problems: readonly EnvironmentProblem[];
  constructor(problems: readonly EnvironmentProblem[]) {
    super(problems.map(({ variable, expected, got }) => `${variable}: expected ${expected}; got ${got}`).join('\n'));
    this.name = 'PlatformConfigError';
    this.problems = problems;
  }
}

/**
 * What every role of the platform's process is told of its database.
 *
 * @throws PlatformConfigError with every problem at once
 */
export function readDatabaseSettings(env: NodeJS.ProcessEnv): DatabaseSettings {
  const read = new EnvironmentReader(env);
  const settings = databaseSettings(read);
  if (read.problems.length > 0) throw new PlatformConfigError(read.problems);
  return settings;
}

function databaseSettings(read: EnvironmentReader): DatabaseSettings {
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
