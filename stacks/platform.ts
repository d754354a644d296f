import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { Ingress, type IngressAccess } from '../components/ingress.ts';
import { platformLabels, routesAllowed } from '../components/labels.ts';
import { MediaStorage } from '../components/media-storage.ts';
import { Monitoring } from '../components/monitoring.ts';
import { PlatformService } from '../components/platform-service.ts';
import { restrictedNamespace } from '../components/pod-security.ts';
import type { PostgresAccess, Reachable } from '../components/postgres-access.ts';
import { PostgresCluster, type ServerArgs } from '../components/postgres-cluster.ts';
import { Redis, type RedisAccess } from '../components/redis.ts';
import { SearchService } from '../components/search-service.ts';
import { type DnsZone, SiteDns } from '../components/site-dns.ts';
import type { MediaAccess } from '../components/site-media.ts';
import type { PlatformServiceAccess } from '../components/site-platform.ts';
import type { StackConfiguration } from './config.ts';
import { compatibleMedia, mailOf, type PlatformAccess, platformClusterOf } from './platform-access.ts';
import { type ClusterConfig, platformHost } from './schema.ts';
import { type StackSettings, StackSettingsError } from './settings.ts';

/** Makes what all sites of a stack and of its shards share. */
export function createPlatform(configuration: StackConfiguration, kubernetes: k8s.Provider): PlatformAccess {
  const { settings, secrets } = configuration;
  const options = { providers: { kubernetes } };
  const namespace = new k8s.core.v1.Namespace(
    'platform-namespace',
    {
      metadata: {
        name: settings.namespace,
        labels: { ...platformLabels('platform'), ...restrictedNamespace, ...routesAllowed },
      },
    },
    // Kubernetes would delete what is inside with it: the volumes of Redis, Meilisearch and CloudNativePG among that.
    { provider: kubernetes, retainOnDelete: true },
  ).metadata.name;

  const ingress = ingressOf(settings);
  new Ingress(
    'ingress',
    {
      ...ingress,
      namespace,
      baseDomain: settings.baseDomain,
      wildcardIssuer: settings.ingress.wildcardIssuer,
      dns: dnsOf(settings),
    },
    options,
  );
  const clusters = Object.fromEntries(
    settings.clusters.map((cluster): [string, PostgresAccess] => [
      cluster.name,
      new PostgresCluster(
        cluster.name,
        {
          server: serverOf(cluster, settings, secrets),
          namespace,
          namespaceName: settings.namespace,
          poolerImage: settings.images.pooler,
          budget: cluster.pooler,
          admin: cluster.admin,
        },
        options,
      ),
    ]),
  );
  const redis = createRedis(settings, secrets, namespace, options);
  const search = createSearch(settings, namespace, options);
  const media = createMedia(settings, secrets, options);
  if (settings.monitoring !== undefined) {
    const { labels } = settings.monitoring;
    new Monitoring('monitoring', { namespace, labels, hasPlatform: settings.platform.enabled }, options);
  }
  const shared = { namespace, clusters, redis: redis && { url: redis.adminUrl, reachable: redis.reachable } };
  const platform = settings.platform.enabled ? createService(configuration, shared, options) : undefined;
  return { clusters, redis: redis?.access, search, media, platform };
}

/** @throws StackSettingsError where it has no image or no cluster for its database */
function createService(
  { settings, secrets }: StackConfiguration,
  shared: {
    readonly namespace: pulumi.Output<string>;
    readonly clusters: PlatformAccess['clusters'];
    readonly redis: (Pick<PlatformRedis, 'reachable'> & { readonly url: pulumi.Output<string> }) | undefined;
  },
  options: pulumi.ComponentResourceOptions,
): PlatformServiceAccess {
  const cluster = platformClusterOf(settings, shared.clusters);
  const image = settings.images.platform;
  if (cluster === undefined || image === undefined) {
    throw new StackSettingsError([
      `stacks/Pulumi.${settings.stack}.yaml config.ghost-fleet:platform.enabled: expected false without ${image === undefined ? 'images.platform' : 'a cluster'}; got true`,
    ]);
  }
  const { staff, admins, oidc, repository, billing, replicas } = settings.platform;
  const host = platformHost(settings);
  const dns = dnsOf(settings);
  if (dns !== undefined) {
    new SiteDns('platform-dns', { ...dns, domains: [host], baseDomain: settings.baseDomain }, options);
  }
  const { stripe, ...terms } = billing;
  const { oidcClientSecret = '', repositoryToken = '', stripeSecretKey = '', stripeWebhookSecret = '' } = secrets;
  const service = new PlatformService(
    'platform',
    {
      ...shared,
      ...{ image, cluster, staff, admins, host, replicas },
      namespaceName: settings.namespace,
      ingress: ingressOf(settings),
      monitoringNamespace: settings.monitoring?.namespace,
      mail: mailOf(settings, secrets.mailPassword),
      oidc: oidc && { ...oidc, clientSecret: oidcClientSecret },
      repository: repository && {
        ...repository,
        token: repositoryToken,
        folder: settings.sites,
        stack: settings.stack,
        shards: settings.shards,
      },
      billing: {
        ...terms,
        stripe: stripe ? { secretKey: stripeSecretKey, webhookSecret: stripeWebhookSecret } : undefined,
      },
    },
    options,
  );
  return service.access;
}

/** How sites of this stack are reached. */
export function ingressOf({ ingress, namespace }: StackSettings): IngressAccess {
  const { kind, className, controller, controllerNamespace, httpPort, httpsPort, issuer, publicPort } = ingress;
  const gateway = { name: 'ghost-fleet', namespace };
  return { kind, className, controller, controllerNamespace, httpPort, httpsPort, issuer, publicPort, gateway };
}

/** Zones that are ours, where there is something to point their records at. */
export function dnsOf({ dns, ingress }: StackSettings): { zones: readonly DnsZone[]; target: string } | undefined {
  if (dns === undefined || ingress.loadBalancerHost === undefined) return undefined;
  return { zones: dns.zones, target: ingress.loadBalancerHost };
}

function serverOf(cluster: ClusterConfig, settings: StackSettings, secrets: StackConfiguration['secrets']): ServerArgs {
  switch (cluster.kind) {
    case 'external':
      return { ...cluster, adminPassword: secrets.clusterPassword(cluster.name) };
    case 'rds':
      return cluster;
    case 'cloudnative-pg': {
      const { name, backup, storageClass = settings.storageClass } = cluster;
      return { ...cluster, storageClass, backup: backup && { ...backup, keys: secrets.clusterBackupKeys(name) } };
    }
  }
}

interface PlatformRedis {
  /** What sites have to know of it, where they get users of it. */
  readonly access: RedisAccess | undefined;
  readonly adminUrl: pulumi.Output<string>;
  readonly reachable: pulumi.Input<readonly Reachable[]>;
}

/** A Redis for the platform; sites get users of it where the machine that runs Pulumi can make them. */
function createRedis(
  { redis, images, namespace: namespaceName, storageClass }: StackSettings,
  secrets: StackConfiguration['secrets'],
  namespace: pulumi.Output<string>,
  options: pulumi.ComponentResourceOptions,
): PlatformRedis | undefined {
  if (redis === undefined) return undefined;
  if (redis.kind === 'external') {
    const { host, port, tls, cidrs } = redis;
    const password = secrets.redisPassword ?? '';
    const admin = pulumi.secret({ host, port, user: 'default', password, tls });
    const reachable = [{ cidrs, ports: [port] }];
    return {
      access: { endpoint: { host, port }, tls, reachable, users: { by: 'commands', admin } },
      adminUrl: urlOf(tls, 'default', password, host, port),
      reachable,
    };
  }
  const made = new Redis(
    'redis',
    redis.kind === 'in-cluster' ? { ...redis, namespace, namespaceName, storageClass, image: images.redis } : redis,
    options,
  );
  const { endpoint, tls, reachable, admin, userGroupId } = made;
  const adminUrl = urlOf(tls, admin.user, admin.password, endpoint.host, endpoint.port);
  const access = { endpoint, tls, reachable };
  if (redis.kind === 'elasticache') {
    const users = { by: 'elasticache', groupId: userGroupId ?? '', awsRegion: redis.awsRegion } as const;
    return { access: { ...access, users }, adminUrl, reachable };
  }
  if (redis.admin === undefined) return { access: undefined, adminUrl, reachable };
  const login = pulumi.secret({ ...redis.admin, user: admin.user, password: admin.password, tls });
  return { access: { ...access, users: { by: 'commands', admin: login } }, adminUrl, reachable };
}

function urlOf(
  tls: boolean,
  user: string,
  password: pulumi.Input<string>,
  host: pulumi.Input<string>,
  port: pulumi.Input<number>,
): pulumi.Output<string> {
  return pulumi.secret(
    pulumi.interpolate`${tls ? 'rediss' : 'redis'}://${user}:${pulumi.output(password).apply(encodeURIComponent)}@${host}:${port}`,
  );
}

function createSearch(
  { search, images, namespace: namespaceName, storageClass }: StackSettings,
  namespace: pulumi.Output<string>,
  options: pulumi.ComponentResourceOptions,
): PlatformAccess['search'] {
  if (search === undefined) return [];
  const { instances } = new SearchService(
    'search',
    { ...search, namespace, namespaceName, storageClass, image: images.search },
    options,
  );
  return (search.adminUrls ?? []).flatMap((adminUrl, index) => {
    const instance = instances[index];
    return instance === undefined ? [] : [{ ...instance, adminUrl }];
  });
}

function createMedia(
  { media }: StackSettings,
  secrets: StackConfiguration['secrets'],
  options: pulumi.ComponentResourceOptions,
): MediaAccess {
  switch (media.kind) {
    case 'volume':
      return media;
    case 's3-compatible':
      return compatibleMedia(media, {
        accessKeyId: secrets.mediaAccessKeyId ?? '',
        secretAccessKey: secrets.mediaSecretAccessKey ?? '',
      });
    case 's3': {
      const { bucket, awsRegion, noncurrentVersionDays, cdnDomain, cdnCertificateArn, oidcProviderArn, oidcIssuer } =
        media;
      const cdn =
        cdnDomain === undefined || cdnCertificateArn === undefined
          ? undefined
          : { domain: cdnDomain, certificateArn: cdnCertificateArn };
      const storage = new MediaStorage('media', { bucket, awsRegion, noncurrentVersionDays, cdn }, options);
      const { bucketName, bucketArn, publicUrl } = storage;
      return { kind: 's3', bucketName, bucketArn, publicUrl, awsRegion, oidcProviderArn, oidcIssuer };
    }
  }
}
