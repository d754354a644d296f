import * as pulumi from '@pulumi/pulumi';
import type { MailAccess } from './creator-site.ts';
import type { PostgresAccess } from './postgres-access.ts';
import { probePort } from './site-workload.ts';

/** What a process of the platform does: the word that it is started with. */
export type PlatformRole = 'api' | 'worker' | 'migrate';

/** Who issues the invoices and by which terms; what is left out is as `runtime/platform/billing/settings.ts` has it. */
export interface BillingArgs {
  readonly sellerName?: string | undefined;
  /** Lines. */
  readonly sellerAddress?: readonly string[] | undefined;
  readonly sellerTaxId?: string | undefined;
  readonly numberPrefix?: string | undefined;
  readonly paymentDays?: number | undefined;
  readonly pastDueDays?: number | undefined;
  readonly graceDays?: number | undefined;
  /** Where creators pay by Stripe. */
  readonly stripe?:
    | { readonly secretKey: pulumi.Input<string>; readonly webhookSecret: pulumi.Input<string> }
    | undefined;
}

export interface OidcArgs {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: pulumi.Input<string>;
  /** Networks of a provider that is not on the internet. */
  readonly cidrs?: readonly string[] | undefined;
}

/** The repository that sites are added to and changed in. */
export interface RepositoryArgs {
  readonly url: string;
  readonly branch: string;
  /** Of the registry in it. */
  readonly folder: string;
  readonly user?: string | undefined;
  readonly token: pulumi.Input<string>;
  /** The platform's stack, and its number of shards. */
  readonly stack: string;
  readonly shards: number;
  /** Networks of a host that is not on the internet. */
  readonly cidrs?: readonly string[] | undefined;
}

/** What the platform's processes are told. */
export interface PlatformEnvironmentArgs {
  /** Where browsers reach the dashboard. */
  readonly url: string;
  readonly port: number;
  readonly database: string;
  /** Cluster of the platform's own database. */
  readonly cluster: PostgresAccess;
  /** Clusters of the sites' databases by name. */
  readonly clusters: Readonly<Record<string, PostgresAccess>>;
  readonly redisUrl: pulumi.Input<string> | undefined;
  readonly mail: MailAccess | undefined;
  readonly oidc: OidcArgs | undefined;
  /** Undefined: the dashboard shows sites and changes none. */
  readonly repository: RepositoryArgs | undefined;
  readonly billing: BillingArgs;
  readonly staff: readonly string[];
  readonly admins: readonly string[];
  readonly secrets: {
    readonly ownerPassword: pulumi.Input<string>;
    readonly appPassword: pulumi.Input<string>;
    readonly sessionSecret: pulumi.Input<string>;
    /** PEM. */
    readonly signInKey: pulumi.Input<string>;
    readonly analyticsKey: pulumi.Input<string>;
  };
}

type Variables = Readonly<Record<string, pulumi.Input<string>>>;

/** Name, in the Secret, of the password of the role that migrates. */
const ownerPassword = 'MIGRATION_PASSWORD';

/** Every secret of the platform by its name in the Secret, which is that of the variable but for the owner's password. */
export function describeSecrets({
  secrets,
  redisUrl,
  mail,
  oidc,
  repository,
  billing,
}: PlatformEnvironmentArgs): Variables {
  return given({
    [ownerPassword]: secrets.ownerPassword,
    DATABASE_PASSWORD: secrets.appPassword,
    SESSION_SECRET: secrets.sessionSecret,
    SIGN_IN_KEY: secrets.signInKey,
    ANALYTICS_KEY: secrets.analyticsKey,
    REDIS_URL: redisUrl,
    MAIL_PASSWORD: mail?.password,
    OIDC_CLIENT_SECRET: oidc?.clientSecret,
    SITES_REPOSITORY_TOKEN: repository?.token,
    STRIPE_SECRET_KEY: billing.stripe?.secretKey,
    STRIPE_WEBHOOK_SECRET: billing.stripe?.webhookSecret,
  });
}

/** Secrets that a role is given: variable → name in the Secret. */
export function secretsOf(role: PlatformRole, args: PlatformEnvironmentArgs): Readonly<Record<string, string>> {
  // The owner migrates; the application role, which every request is served with, cannot change a table.
  if (role === 'migrate') return { DATABASE_PASSWORD: ownerPassword };
  const names = Object.keys(describeSecrets(args)).filter((name) => name !== ownerPassword);
  return Object.fromEntries(names.map((name) => [name, name]));
}

/** Variables in plain of a role, as `runtime/platform/config.ts` reads them. */
export function describeEnvironment(role: PlatformRole, args: PlatformEnvironmentArgs): Variables {
  const { cluster, database } = args;
  if (role === 'migrate') return databaseOf(cluster.direct, cluster.ssl, database, 'platform_owner');
  return given({
    ...databaseOf(cluster.pooler, 'off', database, 'platform_app'),
    PLATFORM_URL: args.url,
    HOST: '0.0.0.0',
    PORT: String(args.port),
    PROBE_PORT: String(probePort),
    MAIL_HOST: args.mail?.host,
    MAIL_PORT: args.mail && String(args.mail.port),
    MAIL_FROM: args.mail?.from,
    MAIL_USER: args.mail?.user,
    OIDC_ISSUER: args.oidc?.issuer,
    OIDC_CLIENT_ID: args.oidc?.clientId,
    PLATFORM_STAFF: args.staff.join(','),
    PLATFORM_ADMINS: args.admins.join(','),
    SITES_SERVERS: pulumi.jsonStringify(mapValues(args.clusters, ({ pooler }) => ({ ...pooler, ssl: 'off' }))),
    ANALYTICS_PROBE_URL: `http://ghost.site-{slug}.svc.cluster.local:${probePort}`,
    ...provisioningOf(args.repository),
    ...billingOf(args.billing),
  });
}

function provisioningOf(repository: RepositoryArgs | undefined): Variables {
  if (repository === undefined) return { PROVISIONING: 'none' };
  const { url, branch, folder, user, stack, shards } = repository;
  return given({
    PROVISIONING: 'repository',
    SITES_REPOSITORY: url,
    SITES_REPOSITORY_USER: user,
    SITES_BRANCH: branch,
    SITES_FOLDER: folder,
    SITES_STACK: stack,
    SITES_SHARDS: String(shards),
  });
}

function databaseOf(endpoint: PostgresAccess['pooler'], ssl: string, database: string, user: string): Variables {
  return {
    DATABASE_HOST: endpoint.host,
    DATABASE_PORT: pulumi.interpolate`${endpoint.port}`,
    DATABASE_SSL: ssl,
    DATABASE_NAME: database,
    DATABASE_USER: user,
  };
}

function billingOf(billing: BillingArgs): Variables {
  const days = (value: number | undefined) => (value === undefined ? undefined : String(value));
  return given({
    BILLING_SELLER_NAME: billing.sellerName,
    BILLING_SELLER_ADDRESS: billing.sellerAddress?.join(';'),
    BILLING_SELLER_TAX_ID: billing.sellerTaxId,
    BILLING_NUMBER_PREFIX: billing.numberPrefix,
    BILLING_PAYMENT_DAYS: days(billing.paymentDays),
    BILLING_PAST_DUE_DAYS: days(billing.pastDueDays),
    BILLING_GRACE_DAYS: days(billing.graceDays),
  });
}

/** Without what is not said: an empty variable is none to the container either. */
function given(variables: Readonly<Record<string, pulumi.Input<string> | undefined>>): Variables {
  const said = Object.entries(variables).filter(
    (entry): entry is [string, pulumi.Input<string>] => entry[1] !== undefined && entry[1] !== '',
  );
  return Object.fromEntries(said);
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
