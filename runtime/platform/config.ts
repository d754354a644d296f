import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';
import { type EnvironmentProblem, EnvironmentReader } from '../environment/reader.ts';
import type { AnalyticsSettings } from './analytics/settings.ts';
import { type BillingSettings, billingSettings } from './billing/settings.ts';
import { type DatabaseSettings, databaseSettings } from './database/settings.ts';
import type { MailSettings } from './mail.ts';
import type { RemoteRepositoryArgs } from './provisioning/remote-repository.ts';
import type { RedisSettings } from './volatile/redis-settings.ts';

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

/** Where sites are registered and how a change of the registry becomes real. */
export type ProvisioningSettings =
  /** The registry is a folder that a local fleet watches. */
  | { readonly kind: 'local'; readonly sitesDir: string; readonly fleetUrl: string }
  /** The registry is a git checkout: a change is a commit, pushed, and `npm run up` of the shard. */
  | ({ readonly kind: 'git'; readonly checkout: string; readonly remote: string } & RepositorySettings)
  /** The registry is a repository elsewhere: a change is a commit, pushed, and whoever deploys from there makes it real. */
  | ({ readonly kind: 'repository' } & RepositorySettings & RemoteRepositoryArgs)
  /** Sites are registered elsewhere: the dashboard shows them and changes none. */
  | { readonly kind: 'none' };

interface RepositorySettings {
  readonly branch: string;
  /** Of the registry in the repository. */
  readonly folder: string;
  /** The platform's stack; a site's shard follows from its YAML. */
  readonly stack: string;
  /** Number of shards of the stack; 0: sites live in the stack itself. */
  readonly shards: number;
}

export interface OidcSettings {
  readonly issuer: URL;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Everything that API and worker are told. */
export interface PlatformConfig {
  /** Where browsers reach the dashboard. */
  readonly url: URL;
  readonly host: string;
  readonly port: number;
  /** Where the cluster asks how this process is, and for its metrics. Undefined: nowhere. */
  readonly probePort: number | undefined;
  /** Whether a proxy in front says who asks. */
  readonly trustProxy: boolean;
  readonly database: DatabaseSettings;
  /** Undefined: queue, sessions and limits live in this process. */
  readonly redis: RedisSettings | undefined;
  /** Signs the cookies of sessions; at least 32 characters. */
  readonly sessionSecret: string;
  /** PEM, Ed25519: signs owners in to Ghost Admin. Undefined: they sign in there themselves. */
  readonly signInKey: string | undefined;
  /** Undefined: messages are printed, and links shown to whoever asks for them. For a machine of one's own alone. */
  readonly mail: MailSettings | undefined;
  readonly oidc: OidcSettings | undefined;
  readonly provisioning: ProvisioningSettings;
  /** Undefined: nobody visits the sites for their numbers. */
  readonly analytics: AnalyticsSettings | undefined;
  readonly billing: BillingSettings;
  /** Fill the dashboard with made-up numbers where a site has none. */
  readonly demo: boolean;
  /** Who works for the platform. */
  readonly staff: readonly { readonly email: string; readonly role: 'staff' | 'admin' }[];
  /** From SIGTERM to exit, at most; jobs that are cut short go on elsewhere. */
  readonly shutdownSeconds: number;
  /** Stop when standard input ends: a local fleet's platform goes with it, however it ended. */
  readonly stopOnStdinEnd: boolean;
}

/**
 * Turns the environment of API and worker into a configuration; each variable may be given as `NAME_FILE` too.
 *
 * @throws PlatformConfigError with every problem at once
 */
export function readPlatformConfig(env: NodeJS.ProcessEnv): PlatformConfig {
  const read = new EnvironmentReader(env);
  const url = readUrl(read, 'PLATFORM_URL', 'the URL of the dashboard');
  const config: PlatformConfig = {
    url: url ?? new URL('http://localhost'),
    host: read.text('HOST') ?? '127.0.0.1',
    port: read.integer('PORT', 3000, 1, 65_535),
    probePort: read.text('PROBE_PORT') === undefined ? undefined : read.integer('PROBE_PORT', 0, 1, 65_535),
    trustProxy: read.oneOf('TRUST_PROXY', ['true', 'false'], 'true') === 'true',
    database: databaseSettings(read),
    redis: readRedis(read),
    sessionSecret: readSecret(read),
    signInKey: readSignInKey(read),
    mail: readMail(read, url),
    oidc: readOidc(read),
    provisioning: readProvisioning(read),
    analytics: readAnalytics(read),
    billing: billingSettings(read),
    demo: read.oneOf('PLATFORM_DEMO', ['true', 'false'], 'false') === 'true',
    staff: [...readStaff(read, 'PLATFORM_STAFF', 'staff'), ...readStaff(read, 'PLATFORM_ADMINS', 'admin')],
    shutdownSeconds: read.integer('SHUTDOWN_SECONDS', 45, 1, 3_600),
    stopOnStdinEnd: read.oneOf('STOP_ON_STDIN_END', ['true', 'false'], 'false') === 'true',
  };
  if (read.problems.length > 0) throw new PlatformConfigError(read.problems);
  return config;
}

function readUrl(read: EnvironmentReader, name: string, expected: string): URL | undefined {
  const text = read.required(name, expected);
  if (text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return url;
  read.report(name, `${expected} such as https://platform.example.com`, JSON.stringify(text));
  return undefined;
}

function readRedis(read: EnvironmentReader): RedisSettings | undefined {
  const text = read.text('REDIS_URL');
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol)) {
    read.report('REDIS_URL', 'a URL such as redis://user:password@host:6379', 'something else');
    return undefined;
  }
  return {
    host: url.hostname,
    port: Number(url.port || 6379),
    tls: url.protocol === 'rediss:',
    ...(url.username === '' ? {} : { user: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  };
}

function readSecret(read: EnvironmentReader): string {
  const expected = 'a secret of at least 32 characters';
  const secret = read.required('SESSION_SECRET', expected);
  if (secret !== '' && secret.length < 32) read.report('SESSION_SECRET', expected, `${secret.length} characters`);
  return secret;
}

function readSignInKey(read: EnvironmentReader): string | undefined {
  const text = read.text('SIGN_IN_KEY');
  if (text === undefined) return undefined;
  try {
    if (createPrivateKey(text).asymmetricKeyType === 'ed25519') return text;
  } catch {
    // Reported as any other text that is no such key.
  }
  read.report('SIGN_IN_KEY', 'a private key of Ed25519 in PEM', 'something else');
  return undefined;
}

/** Without mail, links to sign in are shown to whoever asks for them, which is for this machine alone. */
function readMail(read: EnvironmentReader, url: URL | undefined): MailSettings | undefined {
  const host = read.text('MAIL_HOST');
  if (host === undefined) {
    const local = url === undefined || /(^|\.)localhost$/.test(url.hostname);
    if (!local) read.report('MAIL_HOST', 'a mail server wherever PLATFORM_URL is not localhost', 'nothing');
    return undefined;
  }
  return {
    from: read.required('MAIL_FROM', 'the sender of the platform’s messages'),
    host,
    port: read.integer('MAIL_PORT', 587, 1, 65_535),
    user: read.text('MAIL_USER'),
    password: read.text('MAIL_PASSWORD'),
  };
}

function readOidc(read: EnvironmentReader): OidcSettings | undefined {
  if (read.text('OIDC_ISSUER') === undefined) return undefined;
  const issuer = readUrl(read, 'OIDC_ISSUER', 'the URL of an OpenID provider');
  const clientId = read.required('OIDC_CLIENT_ID', 'the platform’s id at the OpenID provider');
  const clientSecret = read.required('OIDC_CLIENT_SECRET', 'the platform’s secret at the OpenID provider');
  return issuer && { issuer, clientId, clientSecret };
}

function readProvisioning(read: EnvironmentReader): ProvisioningSettings {
  const kind = read.oneOf('PROVISIONING', ['local', 'git', 'repository', 'none'], 'none');
  if (kind === 'local') {
    const sitesDir = read.required('SITES_DIR', 'the folder of the registry');
    return { kind, sitesDir, fleetUrl: read.required('FLEET_URL', 'the URL of the local fleet') };
  }
  if (kind === 'none') return { kind };
  const common = {
    stack: read.required('SITES_STACK', 'the stack that new sites belong to'),
    branch: read.text('SITES_BRANCH') ?? 'main',
    folder: read.matching('SITES_FOLDER', /^\w[\w.-]*(\/\w[\w.-]*)*$/, 'a folder of the repository') ?? 'sites',
    shards: read.integer('SITES_SHARDS', 0, 0, 10_000),
  };
  if (kind === 'git') {
    const checkout = read.required('SITES_CHECKOUT', 'a checkout of the repository with the registry');
    return { kind, checkout, remote: read.text('SITES_REMOTE') ?? 'origin', ...common };
  }
  return {
    kind,
    url: readRepository(read),
    user: read.text('SITES_REPOSITORY_USER') ?? 'x-access-token',
    token: read.text('SITES_REPOSITORY_TOKEN'),
    ...common,
  };
}

/** Credentials have a variable of their own, since a URL is shown. */
function readRepository(read: EnvironmentReader): string {
  const expected = 'the URL of the registry’s repository by HTTP';
  const url = readUrl(read, 'SITES_REPOSITORY', expected);
  if (url !== undefined && (url.username !== '' || url.password !== ''))
    read.report('SITES_REPOSITORY', `${expected}, without credentials`, 'one with credentials');
  return url?.href ?? '';
}

function readAnalytics(read: EnvironmentReader): AnalyticsSettings | undefined {
  const key = read.text('ANALYTICS_KEY');
  if (key === undefined) return undefined;
  if (key.length < 32) read.report('ANALYTICS_KEY', 'a key of at least 32 characters', `${key.length} characters`);
  const servers = siteServers.safeParse(parseJson(read.text('SITES_SERVERS') ?? '{}'));
  if (!servers.success) {
    const expected = 'JSON such as {"eu-1": {"host": "…", "port": 6432, "ssl": "off"}}';
    read.report('SITES_SERVERS', expected, z.prettifyError(servers.error).replaceAll('\n', ' '));
  }
  return {
    key,
    servers: servers.data ?? {},
    contentRoot: read.text('SITES_CONTENT_ROOT'),
    probeUrl: read.matching('ANALYTICS_PROBE_URL', /^https?:\/\/[^/]*\{slug\}/, 'a URL with {slug} in its host'),
  };
}

const siteServers = z.record(
  z.string(),
  z.strictObject({
    host: z.string(),
    port: z.int(),
    ssl: z.enum(['off', 'require', 'verify']).default('off'),
    sharedDatabase: z.string().default('ghost_sites'),
  }),
);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readStaff<Role extends 'staff' | 'admin'>(read: EnvironmentReader, name: string, role: Role) {
  const emails = (read.text(name) ?? '').split(/[\s,]+/).filter(Boolean);
  const wrong = emails.filter((email) => !/^[^\s@]+@[^\s@]+$/.test(email));
  if (wrong.length > 0) read.report(name, 'e-mail addresses joined by commas', JSON.stringify(wrong.join(', ')));
  return emails.map((email) => ({ email: email.toLowerCase(), role }));
}

/**
 * What a process that migrates and serves is told of the tables' owner: `MIGRATION_USER` and `MIGRATION_PASSWORD`, on the
 * same server and database.
 *
 * @throws PlatformConfigError
 */
export function readMigrationSettings(env: NodeJS.ProcessEnv, database: DatabaseSettings): DatabaseSettings {
  const read = new EnvironmentReader(env);
  const user = read.text('MIGRATION_USER') ?? 'platform_owner';
  const password = read.required('MIGRATION_PASSWORD', "the password of the tables' owner");
  if (read.problems.length > 0) throw new PlatformConfigError(read.problems);
  return { ...database, user, password };
}
