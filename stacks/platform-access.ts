import * as pulumi from '@pulumi/pulumi';
import type { MailAccess } from '../components/creator-site.ts';
import { portOf } from '../components/network-rules.ts';
import type { PostgresAccess } from '../components/postgres-access.ts';
import type { RedisAccess } from '../components/redis.ts';
import type { SearchInstance } from '../components/search-service.ts';
import type { MediaAccess } from '../components/site-media.ts';
import type { PlatformServiceAccess } from '../components/site-platform.ts';
import type { StackSettings } from './settings.ts';

/** All that sites have to know of the platform, whether it stands in their own stack or in another. */
export interface PlatformAccess {
  readonly clusters: Readonly<Record<string, PostgresAccess>>;
  readonly redis: RedisAccess | undefined;
  readonly search: readonly (SearchInstance & { readonly adminUrl: string })[];
  readonly media: MediaAccess;
  readonly platform: PlatformServiceAccess | undefined;
}

/**
 * The platform as outputs of its stack, for its shards: what is secret apart from what is not, since one secret makes a
 * whole output secret.
 */
export function publishPlatform({ clusters, redis, search, media, platform }: PlatformAccess): Record<string, unknown> {
  return {
    access: {
      clusters: mapValues(clusters, ({ admin: { password: _password, ...admin }, ...cluster }) => ({
        ...describeCluster(cluster),
        admin,
      })),
      redis: redis && {
        endpoint: redis.endpoint,
        reachable: redis.reachable,
        userGroupId: redis.users.by === 'elasticache' ? redis.users.groupId : '',
      },
      search: search.map(({ url, reachable }) => ({ url, reachable })),
      media:
        media.kind === 's3'
          ? { bucketName: media.bucketName, bucketArn: media.bucketArn, publicUrl: media.publicUrl }
          : {},
      platform: platform === undefined ? {} : { publicKey: platform.publicKey },
    },
    credentials: pulumi.secret({
      clusters: mapValues(clusters, (cluster) => cluster.admin.password),
      redis: redis?.users.by === 'commands' ? redis.users.admin : {},
      search: search.map(({ masterKey }) => masterKey),
      media: media.kind === 's3-compatible' ? [media.accessKeyId, media.secretAccessKey] : [],
      platform: platform === undefined ? {} : { analyticsKey: platform.analyticsKey },
    }),
  };
}

/** The platform of another stack, from its outputs. How many of what there are follows from the settings alone. */
export function referencePlatform(settings: StackSettings): PlatformAccess {
  const reference = new pulumi.StackReference(
    `${pulumi.getOrganization()}/${pulumi.getProject()}/${settings.platformStack}`,
  );
  const access = reference.requireOutput('access') as pulumi.Output<Published>;
  const credentials = reference.requireOutput('credentials') as pulumi.Output<Credentials>;
  const clusters = Object.fromEntries(
    settings.clusters.map(({ name }) => {
      const of = <T>(pick: (cluster: PublishedCluster) => T) =>
        access.apply((found) => pick(requireEntry(found.clusters, name, settings.platformStack)));
      const endpoint = (pick: (cluster: PublishedCluster) => PlainEndpoint) => ({
        host: of((cluster) => pick(cluster).host),
        port: of((cluster) => pick(cluster).port),
      });
      const cluster: PostgresAccess = {
        name,
        pooler: endpoint((found) => found.pooler),
        direct: endpoint((found) => found.direct),
        ssl: sslOf(settings, name),
        admin: {
          ...endpoint((found) => found.admin),
          user: of((found) => found.admin.user),
          password: credentials.apply((found) => requireEntry(found.clusters, name, settings.platformStack)),
        },
        poolerRole: 'pgbouncer',
        reachable: of((found) => found.reachable),
      };
      return [name, cluster];
    }),
  );
  return {
    clusters,
    redis: referenceRedis(settings, access, credentials),
    search: (settings.search?.adminUrls ?? []).map((adminUrl, index) => ({
      adminUrl,
      url: access.apply((found) => found.search[index]?.url ?? ''),
      masterKey: credentials.apply((found) => found.search[index] ?? ''),
      reachable: access.apply((found) => found.search[index]?.reachable ?? []),
    })),
    media: referenceMedia(settings, access, credentials),
    platform: referenceService(settings, clusters, access, credentials),
  };
}

/** How the server of a cluster is to be spoken to. */
export function sslOf(settings: StackSettings, name: string): PostgresAccess['ssl'] {
  const cluster = settings.clusters.find((candidate) => candidate.name === name);
  return cluster?.kind === 'external' ? cluster.ssl : 'require';
}

/** Cluster of the platform's database: the one that is named, or the first. */
export function platformClusterOf(
  { platform, clusters: configured }: StackSettings,
  clusters: Readonly<Record<string, PostgresAccess>>,
): PostgresAccess | undefined {
  return clusters[platform.cluster ?? configured[0]?.name ?? ''];
}

function referenceService(
  settings: StackSettings,
  clusters: Readonly<Record<string, PostgresAccess>>,
  access: pulumi.Output<Published>,
  credentials: pulumi.Output<Credentials>,
): PlatformServiceAccess | undefined {
  const cluster = platformClusterOf(settings, clusters);
  if (!settings.platform.enabled || cluster === undefined) return undefined;
  const { platformStack: stack, namespace } = settings;
  return {
    cluster,
    namespace,
    database: 'platform',
    publicKey: access.apply((found) => requireEntry({ ...found.platform }, 'publicKey', stack)),
    analyticsKey: credentials.apply((found) => requireEntry({ ...found.platform }, 'analyticsKey', stack)),
  };
}

/** The mail server of sites and platform. */
export function mailOf({ mail }: StackSettings, password: pulumi.Input<string> | undefined): MailAccess | undefined {
  return mail && { user: undefined, from: undefined, cidrs: undefined, ...mail, password };
}

interface PlainEndpoint {
  readonly host: string;
  readonly port: number;
}

type Reachables = readonly { readonly cidrs?: readonly string[]; readonly ports: readonly number[] }[];

interface PublishedCluster {
  readonly pooler: PlainEndpoint;
  readonly direct: PlainEndpoint;
  readonly admin: PlainEndpoint & { readonly user: string };
  readonly reachable: Reachables;
}

interface Published {
  readonly clusters: Readonly<Record<string, PublishedCluster>>;
  readonly redis?: {
    readonly endpoint: PlainEndpoint;
    readonly reachable: Reachables;
    readonly userGroupId: string;
  };
  readonly search: readonly { readonly url: string; readonly reachable: Reachables }[];
  readonly media: { readonly bucketName: string; readonly bucketArn: string; readonly publicUrl: string };
  /** Undefined: the stack was last updated by a program that knew of no such part. */
  readonly platform?: { readonly publicKey?: string };
}

interface Credentials {
  readonly clusters: Readonly<Record<string, string>>;
  readonly redis: { host: string; port: number; user: string; password: string; tls: boolean };
  readonly search: readonly string[];
  readonly media: readonly string[];
  readonly platform?: { readonly analyticsKey?: string };
}

function referenceRedis(
  { redis }: StackSettings,
  access: pulumi.Output<Published>,
  credentials: pulumi.Output<Credentials>,
): RedisAccess | undefined {
  if (redis === undefined || (redis.kind === 'in-cluster' && redis.admin === undefined)) return undefined;
  return {
    endpoint: {
      host: access.apply((found) => found.redis?.endpoint.host ?? ''),
      port: access.apply((found) => found.redis?.endpoint.port ?? 0),
    },
    tls: redis.kind === 'elasticache' || (redis.kind === 'external' && redis.tls),
    reachable: access.apply((found) => found.redis?.reachable ?? []),
    users:
      redis.kind === 'elasticache'
        ? {
            by: 'elasticache',
            awsRegion: redis.awsRegion,
            groupId: access.apply((found) => found.redis?.userGroupId ?? ''),
          }
        : { by: 'commands', admin: credentials.apply((found) => found.redis) },
  };
}

function referenceMedia(
  { media }: StackSettings,
  access: pulumi.Output<Published>,
  credentials: pulumi.Output<Credentials>,
): MediaAccess {
  switch (media.kind) {
    case 'volume':
      return media;
    case 's3':
      return {
        kind: 's3',
        awsRegion: media.awsRegion,
        oidcProviderArn: media.oidcProviderArn,
        oidcIssuer: media.oidcIssuer,
        bucketName: access.apply((found) => found.media.bucketName),
        bucketArn: access.apply((found) => found.media.bucketArn),
        publicUrl: access.apply((found) => found.media.publicUrl),
      };
    case 's3-compatible':
      return compatibleMedia(media, {
        accessKeyId: credentials.apply((found) => found.media[0] ?? ''),
        secretAccessKey: credentials.apply((found) => found.media[1] ?? ''),
      });
  }
}

/** Media on a server that speaks S3's protocol: as the settings say, with the keys that all sites share. */
export function compatibleMedia(
  { bucket, publicUrl, endpoint, region, cidrs }: Extract<StackSettings['media'], { kind: 's3-compatible' }>,
  keys: { readonly accessKeyId: pulumi.Input<string>; readonly secretAccessKey: pulumi.Input<string> },
): MediaAccess {
  const reachable = [{ cidrs, ports: [portOf(endpoint)] }];
  return { kind: 's3-compatible', bucketName: bucket, publicUrl, endpoint, region, reachable, ...keys };
}

/** What of a cluster is no secret. A component is more than its access, so the fields are named. */
function describeCluster({ name, pooler, direct, reachable }: Omit<PostgresAccess, 'admin'>) {
  return { name, pooler, direct, reachable };
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function requireEntry<T>(record: Readonly<Record<string, T | undefined>>, name: string, stack: string): T {
  const entry = record[name];
  if (entry === undefined) {
    throw new Error(
      `stack ${stack}: expected ${name} among its outputs; got ${Object.keys(record).join(', ')}: run pulumi up there first`,
    );
  }
  return entry;
}
