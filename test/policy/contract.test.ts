import { createPublicKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { secretsPath } from '../../components/binding.ts';
import { readBackupArguments } from '../../runtime/backup/arguments.ts';
import { readDatabaseSettings, readPlatformConfig } from '../../runtime/platform/config.ts';
import { readSiteConfig, type SiteConfig } from '../../runtime/site/config.ts';
import { deriveSecret } from '../../sites/derived-secret.ts';
import { podOf } from '../../stacks/policy/pods.ts';
import { type Plan, type PlannedResource, type PlanOptions, planStack } from './plan.ts';

const secrets = {
  clusterPasswords: { 'eu-1': 'correct-horse-eu', 'us-1': 'correct-horse-us' },
  mediaAccessKeyId: 'correct-horse-id',
  mediaSecretAccessKey: 'correct-horse-secret',
  mailPassword: 'correct-horse-mail',
};

const analyticsKey = 'hex-of-platform-analytics-key-0123456789abcdef';

/** Reads a site's configuration as its container would: ConfigMap as variables, Secrets as the files that are mounted. */
async function configOf(plan: Plan, slug: string): Promise<SiteConfig> {
  const own = plan.resources.filter(
    ({ inputs }) => (inputs.metadata as { namespace?: string } | undefined)?.namespace === `site-${slug}`,
  );
  const named = (kind: string, name: string) =>
    own.find(({ type, inputs }) => type.endsWith(`:${kind}`) && (inputs.metadata as { name: string }).name === name);
  const deployment = named('Deployment', 'ghost');
  const pod = deployment && podOf(deployment);
  const container = pod?.containers[0];
  const source = container?.envFrom?.[0] as { configMapRef: { name: string } } | undefined;
  const environment = named('ConfigMap', source?.configMapRef.name ?? '')?.inputs.data as Record<string, string>;

  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-contract-'));
  try {
    const volume = pod?.volumes?.find(({ name }) => name === 'secrets') as
      | { projected: { sources: { secret: { name: string; items: { key: string; path: string }[] } }[] } }
      | undefined;
    for (const { secret } of volume?.projected.sources ?? []) {
      const data = named('Secret', secret.name)?.inputs.stringData as Record<string, string>;
      for (const { key, path: file } of secret.items) await writeFile(path.join(dir, file), data[key] ?? '');
    }
    const mounted = Object.entries(environment).map(([name, value]) => [name, value.replace(secretsPath, dir)]);
    return readSiteConfig(Object.fromEntries(mounted));
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe('what a stack emits', () => {
  it('is read by the container on SQLite', async () => {
    const config = await configOf(await planStack('dev'), 'aurora-letters');
    expect(config).toMatchObject({
      slug: 'aurora-letters',
      multisite: true,
      url: 'http://aurora.example.com',
      title: 'Aurora Letters',
      theme: 'source',
      host: '0.0.0.0',
      port: 2368,
      probePort: 2369,
      contentPath: '/var/lib/ghost/content',
      database: { client: 'sqlite', filename: '/var/lib/ghost/content/data/aurora-letters-ghost.db' },
    });
  });

  it('is read by the container with a schema of a shared database', async () => {
    const plan = await planStack('staging', { secrets });
    expect(await configOf(plan, 'slow-kitchen')).toMatchObject({
      url: 'https://slowkitchen.example.org',
      database: {
        client: 'postgres',
        strategy: 'schema',
        endpoint: { host: 'pooler-us-1.ghost-fleet.svc.cluster.local', port: 6432 },
        direct: { host: 'postgres.us.staging.example.com', port: 5432 },
        ssl: 'off',
        directSsl: 'verify',
        database: 'ghost_sites',
        schema: 'site_slow_kitchen',
        user: 'site_slow_kitchen',
        password: 'hex-of-slow-kitchen-password-0123456789abcdef',
        poolMax: 8,
      },
      mail: { host: 'smtp.staging.example.com', password: 'correct-horse-mail' },
    });
  });

  it('is read by the container with a database of its own', async () => {
    const plan = await planStack('production', { secrets });
    expect(await configOf(plan, 'aurora-letters')).toMatchObject({
      database: {
        strategy: 'database',
        database: 'ghost_site_aurora_letters',
        schema: 'public',
        user: 'site_aurora_letters',
        directSsl: 'require',
      },
      mail: { from: 'Aurora <hello@aurora.example.com>', user: 'smtp' },
    });
  });

  it('asks for backups in words that the container knows', async () => {
    const plan = await planStack('dev');
    const job = plan.resources.find(
      ({ type, inputs }) =>
        type.endsWith(':CronJob') && (inputs.metadata as { namespace: string }).namespace === 'site-aurora-letters',
    );
    const args = (job && podOf(job)?.containers[0]?.args) ?? [];
    expect(readBackupArguments(args)).toEqual({ command: 'backup', target: 'volume', retentionDays: 30 });
  });
});

const withPlatform: PlanOptions = {
  secrets: {
    ...secrets,
    oidcClientSecret: 'correct-horse-oidc',
    repositoryToken: 'correct-horse-repository',
    stripeSecretKey: 'correct-horse-stripe',
    stripeWebhookSecret: 'correct-horse-webhook',
  },
  config: {
    images: { site: 'registry.example.com/site:1', platform: 'registry.example.com/platform:1' },
    mail: { host: 'smtp.staging.example.com', user: 'smtp', from: 'Fleet <fleet@example.com>' },
    platform: {
      enabled: true,
      staff: ['Ops@example.com', 'support@example.com'],
      admins: ['boss@example.com'],
      oidc: { issuer: 'https://login.example.com', clientId: 'fleet' },
      repository: { url: 'https://git.example.com/ops/fleet.git', branch: 'live' },
      billing: {
        sellerName: 'Fleet Ltd',
        sellerAddress: ['1 Harbour Road', 'Bremen'],
        sellerTaxId: 'DE123456789',
        numberPrefix: 'GF-',
        paymentDays: 10,
        graceDays: 21,
        stripe: true,
      },
    },
  },
};

interface SecretVolume {
  readonly name: string;
  readonly secret?: { readonly secretName: string; readonly items: readonly { key: string; path: string }[] };
}

interface PlatformContainer {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

function containersOf(workload: PlannedResource): readonly PlatformContainer[] {
  return (podOf(workload)?.containers ?? []) as unknown as PlatformContainer[];
}

/** Gives what a pod of the platform is told, as its container would see it, to `read`. */
async function readAs<T>(
  plan: Plan,
  role: 'api' | 'worker' | 'migrate',
  read: (env: NodeJS.ProcessEnv) => T,
): Promise<T> {
  const workload = plan.resources.find(
    (resource) => podOf(resource)?.containers.some(({ name }) => name === role) === true,
  );
  const [container] = workload === undefined ? [] : containersOf(workload);
  const volumes = (workload && podOf(workload)?.volumes) as SecretVolume[] | undefined;
  const secret = volumes?.find(({ name }) => name === 'secrets')?.secret;
  if (container === undefined || secret === undefined) throw new Error(`expected a pod of ${role} with its secrets`);
  expect(container.args).toEqual([role]);
  const mounted = plan.resources.find(
    ({ type, inputs: { metadata } }) =>
      type.endsWith(':Secret') && (metadata as { name: string }).name === secret.secretName,
  );
  const data = (mounted?.inputs.stringData ?? {}) as Record<string, string>;
  const mount = container.volumeMounts.find(({ name }) => name === 'secrets')?.mountPath ?? '';
  const dir = await mkdtemp(path.join(tmpdir(), 'ghost-fleet-contract-'));
  try {
    for (const { key, path: file } of secret.items) await writeFile(path.join(dir, file), data[key] ?? '');
    return read(Object.fromEntries(container.env.map(({ name, value }) => [name, value.replace(mount, dir)])));
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe('what a stack with a platform emits', () => {
  let plan: Plan;
  beforeAll(async () => {
    plan = await planStack('staging', withPlatform);
  }, 60_000);

  it.each(['api', 'worker'] as const)('is read by its %s', async (role) => {
    const config = await readAs(plan, role, readPlatformConfig);
    expect(config).toEqual({
      url: new URL('https://platform.sites.staging.example.com'),
      host: '0.0.0.0',
      port: 3000,
      probePort: 2369,
      shutdownSeconds: 45,
      trustProxy: true,
      database: {
        host: 'pooler-eu-1.ghost-fleet.svc.cluster.local',
        port: 6432,
        name: 'platform',
        user: 'platform_app',
        password: 'hex-of-platform-app-password-0123456789abcdef',
        ssl: 'off',
        poolMax: 10,
      },
      redis: {
        host: 'redis.ghost-fleet.svc.cluster.local',
        port: 6379,
        tls: false,
        user: 'fleet-admin',
        password: 'hex-of-redis-admin-password-0123456789abcdef',
      },
      sessionSecret: 'hex-of-platform-session-secret-0123456789abcdef',
      signInKey: expect.stringMatching(/^-----BEGIN PRIVATE KEY-----\n/),
      mail: {
        host: 'smtp.staging.example.com',
        port: 587,
        from: 'Fleet <fleet@example.com>',
        user: 'smtp',
        password: 'correct-horse-mail',
      },
      oidc: { issuer: new URL('https://login.example.com'), clientId: 'fleet', clientSecret: 'correct-horse-oidc' },
      provisioning: {
        kind: 'repository',
        url: 'https://git.example.com/ops/fleet.git',
        branch: 'live',
        folder: 'sites',
        user: 'x-access-token',
        token: 'correct-horse-repository',
        stack: 'staging',
        shards: 0,
      },
      analytics: {
        key: analyticsKey,
        servers: Object.fromEntries(
          ['eu-1', 'us-1'].map((name) => [
            name,
            {
              host: `pooler-${name}.ghost-fleet.svc.cluster.local`,
              port: 6432,
              ssl: 'off',
              sharedDatabase: 'ghost_sites',
            },
          ]),
        ),
        contentRoot: undefined,
        probeUrl: 'http://ghost.site-{slug}.svc.cluster.local:2369',
      },
      billing: {
        seller: { name: 'Fleet Ltd', address: ['1 Harbour Road', 'Bremen'], taxId: 'DE123456789' },
        numberPrefix: 'GF-',
        paymentDays: 10,
        pastDueDays: 7,
        graceDays: 21,
        stripe: { secretKey: 'correct-horse-stripe', webhookSecret: 'correct-horse-webhook', apiUrl: undefined },
      },
      demo: false,
      staff: [
        { email: 'ops@example.com', role: 'staff' },
        { email: 'support@example.com', role: 'staff' },
        { email: 'boss@example.com', role: 'admin' },
      ],
      stopOnStdinEnd: false,
    });
  });

  it('is read by its migration, which is the owner past the pooler and is told no other secret', async () => {
    expect(await readAs(plan, 'migrate', readDatabaseSettings)).toEqual({
      host: 'postgres.staging.example.com',
      port: 5432,
      name: 'platform',
      user: 'platform_owner',
      password: 'hex-of-platform-owner-password-0123456789abcdef',
      ssl: 'verify',
      poolMax: 10,
    });
    const told = await readAs(plan, 'migrate', (env) => Object.keys(env).filter((name) => name.endsWith('_FILE')));
    expect(told).toEqual(['DATABASE_PASSWORD_FILE']);
  });

  it('is known to the sites: who signs, and the secrets by which the platform reaches them', async () => {
    const site = await configOf(plan, 'slow-kitchen');
    const { signInKey = '' } = await readAs(plan, 'api', readPlatformConfig);
    expect(site.platformPublicKey).toBe(createPublicKey(signInKey).export({ type: 'spki', format: 'pem' }).toString());
    expect(site.analyticsToken).toBe(deriveSecret(analyticsKey, 'analytics-token', 'slow-kitchen'));
    const database = plan.resources.find(
      ({ type, inputs }) => type === 'fleet:index:SiteDatabase' && inputs.slug === 'slow-kitchen',
    );
    expect(database?.inputs.readerPassword).toBe(deriveSecret(analyticsKey, 'reader-password', 'slow-kitchen'));
  });

  it('has a Service for the probe port that the platform asks', async () => {
    const service = plan.resources.find(({ name }) => name === 'slow-kitchen-service');
    expect(service?.inputs.metadata).toMatchObject({ name: 'ghost', namespace: 'site-slow-kitchen' });
    const { probePort } = await configOf(plan, 'slow-kitchen');
    expect(service?.inputs.spec).toMatchObject({
      ports: expect.arrayContaining([expect.objectContaining({ port: probePort })]),
    });
  });
});
