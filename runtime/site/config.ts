import { createPublicKey } from 'node:crypto';
import path from 'node:path';
import { namesOf, slugLength, slugPattern } from '../../sites/naming.ts';
import { type EnvironmentProblem, EnvironmentReader } from '../environment/reader.ts';
import { targetForm, targetForms } from './backups/target-form.ts';
import { type BucketSettings, readBucketAccess, webAddress } from './media/bucket.ts';

/** Where a PostgreSQL server answers. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface SqliteSettings {
  readonly client: 'sqlite';
  /** Absolute path of the database file. */
  readonly filename: string;
}

export interface PostgresSettings {
  readonly client: 'postgres';
  /** `database`: a database of the site's own. `schema`: a schema in a database that sites share. */
  readonly strategy: 'schema' | 'database';
  /** Where queries go, possibly a transaction pooler. */
  readonly endpoint: Endpoint;
  /** Past the pooler: migrations and their session lock. */
  readonly direct: Endpoint;
  readonly database: string;
  /** Schema of the site's tables: `public` for strategy `database`. */
  readonly schema: string;
  readonly user: string;
  readonly password: string;
  /** `off`, `require` (encrypted) or `verify` (encrypted, certificate checked). */
  readonly ssl: 'off' | 'require' | 'verify';
  /** The same for `direct`: a pooler beside the site may answer in plain where the server behind it does not. */
  readonly directSsl: 'off' | 'require' | 'verify';
  /** Connections at most; the pool starts empty and lets go when idle. */
  readonly poolMax: number;
  /**
   * Whether connections keep the statements that they send often prepared: less work for the server, and state of a
   * session, which a transaction pooler would give to another site's client.
   */
  readonly preparedStatements: boolean;
}

export interface MailSettings {
  readonly from: string | undefined;
  readonly host: string | undefined;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/**
 * A bucket for what would otherwise lie in the site's files: images, media, files, themes, redirects and routes. Keys of the
 * site begin with the prefix: `aurora-letters/`.
 */
export interface MediaSettings extends BucketSettings {
  /** Where the bucket's objects can be read; the key follows. */
  readonly publicUrl: string;
}

/** Everything a site's container is told, typed and checked. */
export interface SiteConfig {
  /** `default` where one plain site runs outside a fleet. */
  readonly slug: string;
  /** False: a single plain Ghost, as its developer would run it. */
  readonly multisite: boolean;
  readonly url: string;
  /** Title and theme of the first boot; Ghost Admin decides afterwards. */
  readonly title: string | undefined;
  readonly theme: string | undefined;
  readonly database: SqliteSettings | PostgresSettings;
  /** Absolute path of Ghost's content folder. */
  readonly contentPath: string;
  /** Folder of the installed Ghost package. */
  readonly ghostPath: string;
  readonly host: string;
  readonly port: number;
  readonly probePort: number;
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
  /** From SIGTERM to exit, at most. */
  readonly shutdownSeconds: number;
  /** How long the site goes on answering after SIGTERM while its readiness is already false. */
  readonly drainSeconds: number;
  /** Stop when standard input ends: a local fleet's sites go with it, however it ended. */
  readonly stopOnStdinEnd: boolean;
  /** How long the database may stay away before the entrypoint gives up with exit code 69. */
  readonly databaseWaitSeconds: number;
  readonly mail: MailSettings;
  /** Undefined: all of it lies below `contentPath`. */
  readonly media: MediaSettings | undefined;
  /** PEM of the key by which the platform signs an owner in to Ghost Admin; undefined: nobody but Ghost signs in. */
  readonly platformPublicKey: string | undefined;
  /** With it the platform asks the probe port for the site's numbers; without it that port knows of none. */
  readonly analyticsToken: string | undefined;
  /** Where the site's backups are, as `openTarget` takes it; undefined: the platform is told of none. */
  readonly backupTarget: string | undefined;
}

/** The environment does not describe a site. The message names every problem, a line each, and no secret. */
export class SiteConfigError extends Error {
  readonly problems: readonly EnvironmentProblem[];
  constructor(problems: readonly EnvironmentProblem[]) {
    super(
      problems.map((problem) => `${problem.variable}: expected ${problem.expected}; got ${problem.got}`).join('\n'),
    );
    this.name = 'SiteConfigError';
    this.problems = problems;
  }
}

/**
 * Turns the container's environment into a configuration. This is the definition of that environment; every variable may
 * be given as `NAME_FILE` too.
 *
 * @throws SiteConfigError with every problem at once
 */
export function readSiteConfig(env: NodeJS.ProcessEnv): SiteConfig {
  const read = new EnvironmentReader(env);
  const multisite = read.oneOf('MULTISITE_ENABLED', ['true', 'false'], 'true') === 'true';
  const slug = readSlug(read, multisite);
  const port = read.integer('PORT', 2368, 1, 65_535);
  const contentPath = path.resolve(
    multisite ? read.required('CONTENT_PATH', "Ghost's content folder") : (read.text('CONTENT_PATH') ?? 'content'),
  );
  const config: SiteConfig = {
    slug,
    multisite,
    url: readUrl(read, multisite ? undefined : `http://localhost:${port}`),
    title: read.text('SITE_TITLE'),
    theme: read.matching('SITE_THEME', /^[a-z0-9]+([-_.][a-z0-9]+)*$/, 'the name of a theme such as source'),
    database: readDatabase(read, slug, multisite, contentPath),
    contentPath,
    ghostPath: path.resolve(read.text('GHOST_PATH') ?? path.join(import.meta.dirname, '../../.tools/ghost')),
    host: read.text('HOST') ?? '127.0.0.1',
    port,
    probePort: read.integer('PROBE_PORT', 2369, 1, 65_535),
    logLevel: read.oneOf('LOG_LEVEL', ['error', 'warn', 'info', 'debug'], 'info'),
    shutdownSeconds: read.integer('SHUTDOWN_SECONDS', 30, 1, 3_600),
    drainSeconds: read.integer('DRAIN_SECONDS', 0, 0, 600),
    stopOnStdinEnd: read.oneOf('STOP_ON_STDIN_END', ['true', 'false'], 'false') === 'true',
    databaseWaitSeconds: read.integer('DATABASE_WAIT_SECONDS', 60, 0, 86_400),
    mail: {
      from: read.text('MAIL_FROM'),
      host: read.text('MAIL_HOST'),
      port: read.integer('MAIL_PORT', 587, 1, 65_535),
      user: read.text('MAIL_USER'),
      password: read.text('MAIL_PASSWORD'),
    },
    media: readMedia(read, slug),
    platformPublicKey: readPublicKey(read),
    analyticsToken: readToken(read),
    backupTarget: read.matching('BACKUP_TARGET', targetForm, targetForms),
  };
  if (config.port === config.probePort) read.report('PROBE_PORT', 'another port than PORT', String(config.probePort));
  if (read.problems.length > 0) throw new SiteConfigError(read.problems);
  return config;
}

/** The configuration as it may be shown: passwords masked. */
export function maskSecrets(config: SiteConfig): unknown {
  return JSON.parse(
    JSON.stringify(config, (key, value: unknown) =>
      ['password', 'secretAccessKey', 'analyticsToken'].includes(key) && value !== undefined ? '********' : value,
    ),
  );
}

function readSlug(read: EnvironmentReader, multisite: boolean): string {
  const slug = multisite ? read.required('SITE_SLUG', 'the slug of a site') : (read.text('SITE_SLUG') ?? 'default');
  if (slug !== '' && !(slugPattern.test(slug) && slug.length >= slugLength.min && slug.length <= slugLength.max)) {
    read.report('SITE_SLUG', 'a slug such as aurora-letters', JSON.stringify(slug));
  }
  return slug;
}

function readToken(read: EnvironmentReader): string | undefined {
  const token = read.text('ANALYTICS_TOKEN');
  // The text itself is a secret.
  if (token !== undefined && token.length < 32)
    read.report('ANALYTICS_TOKEN', '32 characters or more', `${token.length}`);
  return token;
}

function readMedia(read: EnvironmentReader, slug: string): MediaSettings | undefined {
  const bucket = read.text('S3_BUCKET');
  if (bucket === undefined) return undefined;
  const publicUrl = 'the URL where objects can be read';
  return {
    ...readBucketAccess(read),
    bucket,
    prefix:
      read.matching('S3_PREFIX', /^[^/]([^/]|\/(?!\/))*\/$/, 'a prefix that ends in /') ?? namesOf(slug).mediaPrefix,
    publicUrl: (
      read.matching('S3_PUBLIC_URL', webAddress, publicUrl) ?? read.required('S3_PUBLIC_URL', publicUrl)
    ).replace(/\/+$/, ''),
  };
}

function readPublicKey(read: EnvironmentReader): string | undefined {
  const text = read.text('PLATFORM_PUBLIC_KEY');
  if (text === undefined) return undefined;
  try {
    if (createPublicKey(text).asymmetricKeyType === 'ed25519') return text;
  } catch {
    // Reported as any other text that is no such key.
  }
  read.report('PLATFORM_PUBLIC_KEY', 'a public key of Ed25519 in PEM', 'something else');
  return undefined;
}

function readUrl(read: EnvironmentReader, fallback: string | undefined): string {
  const expected = 'the URL of the site such as https://letters.example.com';
  const text = fallback === undefined ? read.required('SITE_URL', expected) : (read.text('SITE_URL') ?? fallback);
  if (text === '') return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !['http:', 'https:'].includes(url.protocol) ||
    url.username !== '' ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    read.report('SITE_URL', expected, JSON.stringify(text));
  }
  return text.replace(/\/+$/, '');
}

function readDatabase(
  read: EnvironmentReader,
  slug: string,
  multisite: boolean,
  contentPath: string,
): SqliteSettings | PostgresSettings {
  const client = read.oneOf('DATABASE_CLIENT', ['sqlite', 'postgres'], 'sqlite');
  const fallback = client === 'sqlite' ? 'sqlite' : 'database';
  const strategy = read.oneOf('DATABASE_STRATEGY', ['sqlite', 'schema', 'database'], fallback);
  if ((client === 'sqlite') !== (strategy === 'sqlite')) {
    read.report(
      'DATABASE_STRATEGY',
      client === 'sqlite' ? 'sqlite' : 'schema or database',
      `${strategy} with DATABASE_CLIENT ${client}`,
    );
  }
  const names = namesOf(slug);
  if (client === 'sqlite' || strategy === 'sqlite') {
    return {
      client: 'sqlite',
      filename: path.resolve(read.text('DATABASE_FILENAME') ?? path.join(contentPath, names.sqliteFile)),
    };
  }
  const endpoint = {
    host: read.required('DATABASE_HOST', 'a host name'),
    port: read.integer('DATABASE_PORT', 5432, 1, 65_535),
  };
  const ssl = read.oneOf('DATABASE_SSL', ['off', 'require', 'verify'], 'off');
  const database =
    strategy === 'database' && multisite
      ? (read.text('DATABASE_NAME') ?? names.database)
      : read.required('DATABASE_NAME', 'the name of a database');
  const direct = {
    host: read.text('DATABASE_DIRECT_HOST') ?? endpoint.host,
    port: read.integer('DATABASE_DIRECT_PORT', endpoint.port, 1, 65_535),
  };
  const preparedStatements = read.oneOf('DATABASE_PREPARED_STATEMENTS', ['on', 'off'], 'off') === 'on';
  if (preparedStatements && (direct.host !== endpoint.host || direct.port !== endpoint.port)) {
    read.report(
      'DATABASE_PREPARED_STATEMENTS',
      'off, since DATABASE_DIRECT_HOST and DATABASE_DIRECT_PORT say that a pooler stands before the server',
      'on',
    );
  }
  return {
    client: 'postgres',
    strategy,
    endpoint,
    direct,
    database,
    schema: strategy === 'database' ? 'public' : (read.text('DATABASE_SCHEMA') ?? names.schema),
    user: multisite
      ? (read.text('DATABASE_USER') ?? names.ownerRole)
      : read.required('DATABASE_USER', 'a role of PostgreSQL'),
    password: read.required('DATABASE_PASSWORD', "the role's password"),
    ssl,
    directSsl: read.oneOf('DATABASE_DIRECT_SSL', ['off', 'require', 'verify'], ssl),
    poolMax: read.integer('DATABASE_POOL_MAX', 5, 1, 100),
    preparedStatements,
  };
}
