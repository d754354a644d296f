import { z } from 'zod';
import { databaseStrategies } from '../sites/naming.ts';

// A message says what was expected; who reports it adds file, path and what stood there.

const name = z
  .string({ error: 'a name such as eu-1' })
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'a name such as eu-1')
  .max(40, 'a name of at most 40 characters');
const text = (expected: string) => z.string({ error: expected }).min(1, expected);
const wholeNumber = (min: number, max: number) => {
  const expected = `a whole number from ${min} to ${max}`;
  return z.int({ error: expected }).min(min, expected).max(max, expected);
};
const yesOrNo = z.boolean({ error: 'true or false' });
const host = text('a host name or address');
const port = wholeNumber(1, 65_535);
const domain = z
  .string({ error: 'a domain such as sites.example.com' })
  .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'a domain such as sites.example.com');
const url = z.url({ error: 'a URL such as https://s3.example.com', protocol: /^https?$/ });
const cidr = z
  .string({ error: 'a network such as 10.20.0.0/16' })
  .regex(/^[0-9a-fA-F:.]+\/\d{1,3}$/, 'a network such as 10.20.0.0/16');
const cidrs = z.array(cidr, { error: 'a list of networks' }).min(1, 'at least one network');
const inBucket = 's3://[a-z0-9][a-z0-9.-]+(/.*)?';
const object = { error: 'a mapping' };

/** A service that is there already, or how the machine that runs Pulumi reaches one inside the cluster. */
const endpoint = z.strictObject({ host, port }, { error: 'a mapping with host and port' });

/** The arithmetic of ARCHITECTURE decisions 11 and 14, in numbers: what the pooler may hold open on the server. */
const poolerSchema = z.strictObject(
  {
    replicas: wholeNumber(1, 50).default(2),
    /** Connections to the server of all replicas together. */
    serverConnections: wholeNumber(10, 5_000).default(200),
    /** Server connections of one site on one replica at most. */
    poolSize: wholeNumber(1, 100).default(4),
    /** Connections of sites that one replica accepts. */
    clientConnections: wholeNumber(100, 50_000).default(5_000),
    serverIdleSeconds: wholeNumber(5, 3_600).default(30),
  },
  object,
);

const clusterBase = {
  name,
  /** Where the cluster's data stays. */
  region: name,
  /** Connections that the server keeps for administrators, migrations and analytics, past the pooler. */
  directConnections: wholeNumber(5, 1_000).default(50),
  pooler: poolerSchema.prefault({}),
};

/** A PostgreSQL server that is there already. */
const externalCluster = z.strictObject(
  {
    ...clusterBase,
    kind: z.literal('external'),
    host,
    port: port.default(5432),
    adminUser: text('the name of a role').default('postgres'),
    ssl: z.enum(['off', 'require', 'verify'], { error: 'one of off, require, verify' }).default('verify'),
    /** Networks in which the server answers: what a site's pods may reach on its port. */
    cidrs,
    /** How the machine that runs Pulumi reaches the server, where that differs. */
    admin: endpoint.optional(),
  },
  object,
);

/** Amazon RDS for PostgreSQL. */
const rdsCluster = z.strictObject(
  {
    ...clusterBase,
    kind: z.literal('rds'),
    awsRegion: text('a region of AWS such as eu-central-1'),
    engineVersion: text('a version of PostgreSQL such as 18.1').default('18.1'),
    instanceClass: text('an instance class such as db.r8g.large').default('db.r8g.large'),
    storageGiB: wholeNumber(20, 65_536).default(200),
    maxStorageGiB: wholeNumber(20, 65_536).default(2_000),
    replicas: wholeNumber(0, 15).default(1),
    backupRetentionDays: wholeNumber(7, 35).default(35),
    vpcId: text('the id of a VPC'),
    subnetIds: z.array(text('the id of a subnet'), { error: 'a list of subnets' }).min(2, 'at least two subnets'),
    /** Networks of the Kubernetes nodes and of the machines that run Pulumi. */
    cidrs,
    alarmTopicArns: z.array(text('the ARN of an SNS topic'), { error: 'a list of ARNs' }).default([]),
    admin: endpoint.optional(),
  },
  object,
);

/** The operator CloudNativePG in the same Kubernetes cluster; its CRDs come from https://cloudnative-pg.io. */
const cloudNativeCluster = z.strictObject(
  {
    ...clusterBase,
    kind: z.literal('cloudnative-pg'),
    instances: wholeNumber(1, 9).default(3),
    storageGiB: wholeNumber(1, 65_536).default(50),
    storageClass: text('the name of a storage class').optional(),
    postgresVersion: wholeNumber(15, 99).default(18),
    backupRetentionDays: wholeNumber(1, 365).default(30),
    /** Where base backups and WAL go; without one there is no point-in-time recovery. */
    backup: z
      .strictObject(
        {
          destinationPath: z
            .string({ error: 'a path such as s3://bucket/prefix' })
            .regex(new RegExp(`^${inBucket}$`), 'a path such as s3://bucket/prefix'),
          endpoint: url.optional(),
          /** Folder there; another one than that of any cluster before, since none is written over. @default the cluster's name */
          serverName: name.optional(),
        },
        object,
      )
      .optional(),
    /** What the cluster is made from in place of an empty server; nothing changes where it is there. */
    recovery: z
      .strictObject(
        {
          /** Folder of the backups, under `backup.destinationPath`. */
          serverName: name,
          /** Pulumi makes something else of a time that is not quoted. @default all that was archived */
          targetTime: z.iso.datetime({ offset: true, error: "a time in quotes, '2026-11-26T10:30:00Z'" }).optional(),
        },
        object,
      )
      .optional(),
    admin: endpoint.optional(),
  },
  object,
);

const clusterSchema = z
  .discriminatedUnion('kind', [externalCluster, rdsCluster, cloudNativeCluster], {
    error: 'one of external, rds, cloudnative-pg',
  })
  .superRefine((cluster, context) => {
    if (cluster.kind !== 'cloudnative-pg' || cluster.recovery === undefined) return;
    const { backup, name: ownName, recovery } = cluster;
    if (backup === undefined) {
      const message = 'a mapping, since a recovery reads from there';
      context.addIssue({ code: 'custom', path: ['backup'], input: undefined, message });
    } else if ((backup.serverName ?? ownName) === recovery.serverName) {
      const message = `another than that of the recovery, ${recovery.serverName}, which is not written over`;
      context.addIssue({ code: 'custom', path: ['backup', 'serverName'], input: backup.serverName, message });
    }
  });

const imagesSchema = z
  .strictObject(
    {
      /** One image, or one for each version of Ghost that sites may name. */
      site: z.union([text('an image'), z.record(z.string(), text('an image'))], {
        error: 'an image, or a mapping from versions of Ghost to images',
      }),
      redis: text('an image').default('redis:8.2.2-alpine'),
      search: text('an image').default('getmeili/meilisearch:v1.24.0'),
      pooler: text('an image').default('ghcr.io/cloudnative-pg/pgbouncer:1.24.1'),
      platform: text('an image').optional(),
      /** Refuse images that are not pinned by digest. */
      requireDigests: yesOrNo.default(false),
    },
    { error: 'a mapping with the image of a site' },
  )
  .superRefine(({ requireDigests, ...images }, context) => {
    if (!requireDigests) return;
    const named = Object.entries(images).flatMap(([key, value]): [string[], string][] => {
      if (value === undefined) return [];
      return typeof value === 'string'
        ? [[[key], value]]
        : Object.entries(value).map(([at, image]) => [[key, at], image]);
    });
    for (const [path, image] of named.filter(([, image]) => !/@sha256:[0-9a-f]{64}$/.test(image))) {
      context.addIssue({ code: 'custom', path, input: image, message: 'an image pinned by digest (…@sha256:…)' });
    }
  });

const ingressSchema = z.strictObject(
  {
    /** Gateway API (CRDs from https://gateway-api.sigs.k8s.io, v1), or the older Ingress. */
    kind: z.enum(['gateway', 'ingress'], { error: 'one of gateway, ingress' }).default('gateway'),
    /** GatewayClass or IngressClass. */
    className: name.default('traefik'),
    /** What redirects are written for where `kind` is `ingress`, which has none of its own. */
    controller: z.enum(['traefik', 'nginx'], { error: 'one of traefik, nginx' }).default('traefik'),
    /** Namespace of the controller's pods: the only ones that may open a site's port. */
    controllerNamespace: name.default('traefik'),
    httpPort: port.default(80),
    httpsPort: port.default(443),
    /** cert-manager's ClusterIssuer (CRDs from https://cert-manager.io); without one the sites answer by HTTP. */
    issuer: name.optional(),
    /** Another one for the wildcard of the base domain, which needs DNS-01; a Gateway wants it beside `issuer`. */
    wildcardIssuer: name.optional(),
    /** Port in the sites' URLs where it is not that of the scheme, such as 8080 behind a port-forward. */
    publicPort: port.optional(),
    /** Name of the load balancer in front of the controller, where records of Route 53 are to point at it. */
    loadBalancerHost: host.optional(),
  },
  object,
);

const redisSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject(
      {
        kind: z.literal('in-cluster'),
        memoryMiB: wholeNumber(64, 65_536).default(256),
        storageGiB: wholeNumber(1, 1_000).default(2),
        admin: endpoint.optional(),
      },
      object,
    ),
    z.strictObject(
      { kind: z.literal('external'), host, port: port.default(6379), tls: yesOrNo.default(true), cidrs },
      object,
    ),
    z.strictObject(
      {
        kind: z.literal('elasticache'),
        awsRegion: text('a region of AWS such as eu-central-1'),
        nodeType: text('a node type such as cache.t4g.small').default('cache.t4g.small'),
        replicas: wholeNumber(0, 5).default(1),
        vpcId: text('the id of a VPC'),
        subnetIds: z.array(text('the id of a subnet'), { error: 'a list of subnets' }).min(2, 'at least two subnets'),
        cidrs,
        snapshotRetentionDays: wholeNumber(1, 35).default(7),
      },
      object,
    ),
  ],
  { error: 'one of in-cluster, external, elasticache' },
);

const searchSchema = z.strictObject(
  {
    /** Instances of Meilisearch; one keeps about 20 indexes open before it thrashes (meilisearch/meilisearch#6241). */
    instances: wholeNumber(1, 500).default(1),
    sitesPerInstance: wholeNumber(1, 1_000).default(20),
    memoryMiB: wholeNumber(128, 65_536).default(512),
    storageGiB: wholeNumber(1, 1_000).default(5),
    /** How the machine that runs Pulumi reaches each instance; without it sites get no index of their own. */
    adminUrls: z.array(url, { error: 'a list of URLs' }).optional(),
  },
  object,
);

const mediaSchema = z.discriminatedUnion(
  'kind',
  [
    /** Media lie on the site's own volume. */
    z.strictObject({ kind: z.literal('volume') }, object),
    z.strictObject(
      {
        kind: z.literal('s3'),
        bucket: text('the name of a bucket'),
        awsRegion: text('a region of AWS such as eu-central-1'),
        /** The cluster's OIDC provider, through which ServiceAccounts become roles. */
        oidcProviderArn: text('the ARN of an OIDC provider'),
        oidcIssuer: text('the host and path of the OIDC issuer'),
        noncurrentVersionDays: wholeNumber(1, 3_650).default(90),
        cdnDomain: domain.optional(),
        /** In us-east-1, as CloudFront wants it. */
        cdnCertificateArn: text('the ARN of a certificate').optional(),
      },
      object,
    ),
    z.strictObject(
      {
        kind: z.literal('s3-compatible'),
        endpoint: url,
        bucket: text('the name of a bucket'),
        region: text('a region such as us-east-1').default('us-east-1'),
        publicUrl: url,
        cidrs,
        /** These servers have no common way to make credentials: sites share the configured one, and this says so. */
        sharedCredentials: z.literal(true, { error: 'true, since sites share the credentials of such an endpoint' }),
      },
      object,
    ),
  ],
  { error: 'one of volume, s3, s3-compatible' },
);

const people = z.array(z.email({ error: 'an e-mail address' }), { error: 'a list of e-mail addresses' }).default([]);

/** Terms of the invoices; what is left out is as the platform has it. */
const billingSchema = z.strictObject(
  {
    sellerName: text('the name of who issues invoices').optional(),
    sellerAddress: z.array(text('a line of an address'), { error: 'a list of lines' }).optional(),
    sellerTaxId: text('a tax id').optional(),
    numberPrefix: z
      .string({ error: 'what numbers begin with' })
      .regex(/^[A-Z0-9-]{1,12}$/, 'at most 12 capital letters, digits and hyphens')
      .optional(),
    paymentDays: wholeNumber(0, 365).optional(),
    pastDueDays: wholeNumber(0, 365).optional(),
    graceDays: wholeNumber(1, 365).optional(),
    /** Whether creators may pay by Stripe. */
    stripe: yesOrNo.default(false),
  },
  object,
);

/** The business around the sites: its database, API, dashboard and worker. */
const platformSchema = z.strictObject(
  {
    enabled: yesOrNo.default(false),
    /** Of the platform's own database. */
    cluster: name.optional(),
    host: domain.optional(),
    /** Pods of the API, and as many of the worker. */
    replicas: wholeNumber(1, 20).default(2),
    /** Who works for the platform, and who of them may do everything. */
    staff: people,
    admins: people,
    /** An OpenID provider by which people sign in, beside the link that is mailed to them. */
    oidc: z
      .strictObject(
        {
          issuer: url,
          clientId: text('the id of a client'),
          /** Networks of a provider that is not on the internet. */
          cidrs: cidrs.optional(),
        },
        object,
      )
      .optional(),
    /** Where the dashboard pushes new sites and changes to; whoever deploys from there updates the stacks. */
    repository: z
      .strictObject(
        {
          url: url.refine((text) => !URL.canParse(text) || new URL(text).username === '', {
            error: 'a URL without credentials: the token is a secret of its own',
          }),
          branch: text('the name of a branch').default('main'),
          /** A user of the repository's host, where it does not take any beside a token. */
          user: text('the name of a user').optional(),
          /** Networks of a host that is not on the internet. */
          cidrs: cidrs.optional(),
        },
        object,
      )
      .optional(),
    billing: billingSchema.prefault({}),
  },
  object,
);

const stackKeys = z.strictObject({
  databaseStrategy: z.enum(databaseStrategies, { error: `one of ${databaseStrategies.join(', ')}` }),
  baseDomain: domain,
  region: name,
  /** Folder of the registry, relative to the project. */
  sites: text('a folder').default('sites'),
  clusters: z.array(clusterSchema, { error: 'a list of clusters' }).default([]),
  shards: wholeNumber(0, 10_000).default(0),
  images: imagesSchema,
  /** Version of Ghost of sites that name none, where `images.site` is a mapping. */
  ghostVersion: text('a version such as 6.65.0').optional(),
  kubernetes: z.strictObject({ context: text('a context of the kubeconfig').optional() }, object).prefault({}),
  namespace: name.default('ghost-fleet'),
  storageClass: text('the name of a storage class').optional(),
  ingress: ingressSchema.prefault({}),
  /** How the pods of sites whose `scaling` allows several follow their load. */
  autoscaling: z
    .strictObject(
      {
        /** How long the load has to stay low before pods go: Kubernetes' own default. */
        scaleInSeconds: wholeNumber(0, 3_600).default(300),
      },
      object,
    )
    .prefault({}),
  redis: redisSchema.optional(),
  search: searchSchema.optional(),
  media: mediaSchema.prefault({ kind: 'volume' }),
  mail: z
    .strictObject(
      {
        host,
        port: port.default(587),
        user: text('a user').optional(),
        from: text('a sender').optional(),
        cidrs: cidrs.optional(),
      },
      object,
    )
    .optional(),
  /** Prometheus Operator (CRDs from https://prometheus-operator.dev); `labels` are what its selectors look for. */
  monitoring: z
    .strictObject(
      { namespace: name.default('monitoring'), labels: z.record(z.string(), z.string()).default({}) },
      object,
    )
    .optional(),
  backups: z
    .strictObject(
      {
        /** False: the CronJobs stand and rest. */
        enabled: yesOrNo.default(false),
        target: z
          .string({ error: 'volume, or a place such as s3://bucket/prefix' })
          .regex(new RegExp(`^(volume|${inBucket})$`), 'volume, or a place such as s3://bucket/prefix')
          .default('volume'),
      },
      object,
    )
    .prefault({}),
  dns: z
    .strictObject(
      {
        zones: z.array(z.strictObject({ domain, zoneId: text('the id of a zone of Route 53') }, object), {
          error: 'a list of zones',
        }),
      },
      object,
    )
    .optional(),
  platform: platformSchema.prefault({}),
});

/** Everything that `Pulumi.<stack>.yaml` may say below `ghost-fleet:`. */
export const stackSchema = stackKeys.superRefine(({ backups, databaseStrategy, media, ...keys }, context) => {
  const noVolume = databaseStrategy !== 'sqlite' && media.kind !== 'volume';
  if (backups.enabled && backups.target === 'volume' && noVolume) {
    const message = 'a place such as s3://bucket/prefix, since these sites have no volume';
    context.addIssue({ code: 'custom', path: ['backups', 'target'], input: backups.target, message });
  }
  const { ingress, platform, mail, baseDomain } = keys;
  // Routes of sites name a listener for these hosts; an Ingress brings its own certificate.
  if (ingress.kind === 'gateway' && ingress.issuer !== undefined && ingress.wildcardIssuer === undefined) {
    const message = `a ClusterIssuer that can prove *.${baseDomain}, since ingress.issuer has sites answer by HTTPS`;
    context.addIssue({ code: 'custom', path: ['ingress', 'wildcardIssuer'], input: undefined, message });
  }
  // On one's own machine the link is shown to whoever asks for it.
  const isLocal = /(^|\.)localhost$/.test(platformHost({ platform, baseDomain }));
  if (platform.enabled && !isLocal && mail?.from === undefined) {
    const message = 'a sender, since the platform mails people the links by which they sign in';
    context.addIssue({ code: 'custom', path: ['mail', 'from'], input: undefined, message });
  }
});

/** Where the platform's dashboard answers. */
export function platformHost({ platform, baseDomain }: Pick<z.output<typeof stackKeys>, 'platform' | 'baseDomain'>) {
  return platform.host ?? `platform.${baseDomain}`;
}

/** What a shard's own file says; all else is its platform stack's. */
export const shardSchema = z.strictObject({ platformStack: name, shard: wholeNumber(0, 9_999) });

/** Values that are set with `pulumi config set --secret` and never stand in the file in plain. */
export const secretKeys = {
  clusterPasswords: 'the password of adminUser by external cluster',
  clusterBackupKeys: 'a mapping with accessKeyId and secretAccessKey by cluster with backup',
  redisPassword: 'the password of the default user of an external Redis',
  mailPassword: 'the password of mail.user',
  mediaAccessKeyId: 'the access key of media.kind s3-compatible',
  mediaSecretAccessKey: 'the secret key of media.kind s3-compatible',
  oidcClientSecret: 'the secret of the client platform.oidc.clientId',
  repositoryToken: 'a token that may read and push to platform.repository.url',
  stripeSecretKey: 'the secret key of the Stripe account of platform.billing.stripe',
  stripeWebhookSecret: 'the secret by which Stripe signs what it tells the platform',
} as const;

export type StackConfig = z.output<typeof stackSchema>;
export type ClusterConfig = z.output<typeof clusterSchema>;
export type RdsConfig = z.output<typeof rdsCluster>;
export type CloudNativeConfig = z.output<typeof cloudNativeCluster>;
export type PoolerConfig = z.output<typeof poolerSchema>;
