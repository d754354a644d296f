import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { plans as paidPlans } from '../../sites/plans.ts';
import { containersOf, podOf } from '../../stacks/policy/pods.ts';
import { rulesOf, stackRules } from '../../stacks/policy/rules.ts';
import { nothingLeaks } from './leaks.ts';
import { type Plan, type PlannedResource, type PlanOptions, planStack } from './plan.ts';

const root = path.resolve(import.meta.dirname, '../..');
const passwords = { clusterPasswords: { 'eu-1': 'correct-horse-eu', 'us-1': 'correct-horse-us' } };
const backupKeys = { accessKeyId: 'correct-horse-backup-id', secretAccessKey: 'correct-horse-backup-key' };
const s3Secrets = { mediaAccessKeyId: 'correct-horse-id', mediaSecretAccessKey: 'correct-horse-secret' };
const reachable = { redis: { kind: 'in-cluster', admin: { host: '127.0.0.1', port: 6379 } } };
const searchable = { search: { instances: 1, adminUrls: ['http://127.0.0.1:7700'] } };

/** Each environment as its file has it, and once with everything on that a file may switch on. */
const stacks: Readonly<Record<string, [file: string, options: PlanOptions]>> = {
  dev: ['dev', {}],
  'dev with caches, search and Ingress': [
    'dev',
    { config: { ...reachable, ...searchable, ingress: { kind: 'ingress', controller: 'traefik', issuer: 'local' } } },
  ],
  staging: ['staging', { secrets: { ...passwords, ...s3Secrets } }],
  'staging on CloudNativePG with the platform': [
    'staging',
    {
      secrets: {
        ...s3Secrets,
        mailPassword: 'correct-horse-mail',
        clusterBackupKeys: { 'eu-1': backupKeys, 'us-1': backupKeys },
      },
      config: {
        ...reachable,
        clusters: ['eu', 'us'].map((region) => ({
          name: `${region}-1`,
          region,
          kind: 'cloudnative-pg',
          backup: { destinationPath: 's3://backups/eu' },
        })),
        images: { site: 'registry.example.com/site:1', platform: 'registry.example.com/platform:1' },
        platform: { enabled: true },
        mail: { host: 'smtp.staging.example.com', from: 'Fleet <fleet@example.com>' },
      },
    },
  ],
  production: ['production', { secrets: { mailPassword: 'correct-horse-mail' } }],
};

/** Whom a network policy lets in. */
interface Caller {
  readonly namespaceSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}

const plans = new Map<string, Plan>();
beforeAll(async () => {
  for (const [name, [file, options]] of Object.entries(stacks)) plans.set(name, await planStack(file, options));
}, 120_000);

function planOf(name: string): Plan {
  const plan = plans.get(name);
  if (plan === undefined) throw new Error(`expected a plan of ${name}`);
  return plan;
}

/** What a quantity of Kubernetes is worth; NaN where it is none. */
function worthOf(quantity = ''): number {
  const sizes: Record<string, number> = { m: 0.001, '': 1, Mi: 2 ** 20, Gi: 2 ** 30 };
  return Number.parseInt(quantity, 10) * (sizes[quantity.replace(/^\d+/, '')] ?? Number.NaN);
}

describe.each(Object.keys(stacks))('%s', (name) => {
  const rules = { ...rulesOf(stacks[name]?.[0] ?? ''), 'credentials are nowhere in plain': nothingLeaks };
  it.each(Object.entries(rules))('%s', (_rule, check) => {
    const { resources } = planOf(name);
    expect(resources.length).toBeGreaterThan(20);
    expect(resources.flatMap(check)).toEqual([]);
  });

  it.each(Object.entries(stackRules))('%s', (_rule, check) => {
    expect(check(planOf(name).resources)).toEqual([]);
  });

  it('gives every resource a name of its own', () => {
    const urns = planOf(name).resources.map(({ parentTypes, type, name: own }) => `${parentTypes}$${type}::${own}`);
    expect(urns.filter((urn, index) => urns.indexOf(urn) !== index)).toEqual([]);
  });

  it('gives every site a namespace, a quota, a network policy, a backup, a budget of disruptions and a route', () => {
    const { resources, outputs } = planOf(name);
    for (const slug of Object.keys(outputs.sites as object)) {
      const own = resources.filter(
        ({ inputs }) => (inputs.metadata as { namespace?: string } | undefined)?.namespace === `site-${slug}`,
      );
      const kinds = own.map(({ type }) => type.split(':').at(-1));
      expect(kinds).toEqual(
        expect.arrayContaining(['ResourceQuota', 'NetworkPolicy', 'CronJob', 'PodDisruptionBudget', 'Deployment']),
      );
      expect(kinds.some((kind) => kind === 'HTTPRoute' || kind === 'Ingress')).toBe(true);
    }
  });

  it('leaves room in a quota for the pod of the plan before, whichever that was, a release and a backup', () => {
    const { resources } = planOf(name);
    const quotas = resources.filter(({ type }) => type.endsWith(':ResourceQuota'));
    expect(quotas.length).toBeGreaterThan(0);
    const namespaceOf = ({ inputs }: PlannedResource) => (inputs.metadata as { namespace: string }).namespace;
    for (const quota of quotas) {
      const { hard } = quota.inputs.spec as { hard: Record<string, string> };
      const workload = resources.find(
        (it) => it.type.endsWith(':Deployment') && namespaceOf(it) === namespaceOf(quota),
      );
      const own = (workload && podOf(workload))?.containers[0]?.resources;
      for (const of of ['requests', 'limits'] as const) {
        for (const what of ['cpu', 'memory'] as const) {
          for (const before of Object.values(paidPlans)) {
            const needed = worthOf(before.resources[of][what]) + 2 * worthOf(own?.[of]?.[what]);
            expect(worthOf(hard[`${of}.${what}`])).toBeGreaterThanOrEqual(needed);
          }
        }
      }
    }
  });

  it('lets nobody into a site but the ingress controller, Prometheus and the platform, and a site out to nobody near', () => {
    const policies = planOf(name).resources.filter(
      ({ type, parentTypes }) => type.endsWith(':NetworkPolicy') && parentTypes.includes('SiteNetwork'),
    );
    expect(policies.length).toBe(3);
    for (const { inputs } of policies) {
      const spec = inputs.spec as {
        podSelector: object;
        policyTypes: string[];
        ingress: { from: Caller[]; ports: { port: number }[] }[];
        egress: { to: { ipBlock?: { cidr: string; except?: string[] } }[]; ports: { port: number }[] }[];
      };
      expect(spec.podSelector).toEqual({});
      expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
      const callers = spec.ingress.flatMap(({ from, ports }) =>
        from.map(({ namespaceSelector, podSelector }) => [
          namespaceSelector.matchLabels['kubernetes.io/metadata.name'],
          podSelector?.matchLabels['app.kubernetes.io/name'] ?? 'every pod',
          ...ports.map(({ port }) => port),
        ]),
      );
      const prometheus = name.startsWith('dev') ? [] : [['monitoring', 'every pod', 2369]];
      const worker = name.endsWith('with the platform') ? [['ghost-fleet', 'platform-worker', 2369]] : [];
      expect(callers).toEqual([['traefik', 'every pod', 2368], ...prometheus, ...worker]);
      const open = spec.egress.flatMap(({ to }) => to.flatMap(({ ipBlock }) => ipBlock ?? []));
      const world = open.filter(({ cidr }) => cidr.endsWith('/0'));
      expect(world.length).toBe(2);
      expect(world[0]?.except).toEqual(expect.arrayContaining(['10.0.0.0/8', '169.254.0.0/16', '192.168.0.0/16']));
      // A site's own port on a neighbour is among nothing that it may open.
      expect(spec.egress.flatMap(({ ports }) => ports.map(({ port }) => port))).not.toContain(2368);
      expect(spec.egress.every(({ to, ports }) => to.length > 0 && ports.length > 0)).toBe(true);
    }
  });

  it('says of each site where it is, where its data is and where its secrets are', () => {
    const { outputs } = planOf(name);
    const sites = outputs.sites as Record<string, Record<string, unknown>>;
    expect(Object.keys(sites)).toEqual(['aurora-letters', 'harbour-notes', 'slow-kitchen']);
    for (const site of Object.values(sites)) {
      expect(site.url).toMatch(/^https?:\/\//);
      expect(site.database).toMatch(/^(sqlite|postgres) /);
      expect(site.secrets).toEqual(expect.any(Array));
    }
  });
});

describe('strategies', () => {
  it('keep SQLite sites at one pod that is gone before the next one starts, on a volume that is kept', () => {
    const deployments = planOf('dev').resources.filter(({ type }) => type.endsWith(':Deployment'));
    expect(deployments.length).toBe(3);
    for (const { inputs } of deployments)
      expect(inputs.spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    const { resources } = planOf('dev');
    expect(
      resources.filter(({ type }) => /HorizontalPodAutoscaler|SiteDatabase$/.test(type) && type.startsWith('fleet')),
    ).toEqual([]);
    const claims = resources.filter(({ type }) => type.endsWith(':PersistentVolumeClaim'));
    expect(claims.map(({ ignoreChanges }) => ignoreChanges)).toEqual(
      Array(3).fill(['spec.storageClassName', 'spec.accessModes']),
    );
  });

  it('give a database for each site in production and a schema in staging, in the cluster of its region', () => {
    const databases = (name: string) =>
      planOf(name)
        .resources.filter(({ type }) => type === 'fleet:index:SiteDatabase')
        .map(({ inputs }) => inputs);
    expect(databases('production')).toMatchObject([
      { slug: 'aurora-letters', strategy: 'database', cluster: 'eu-1', owner: 'ghost-fleet/production' },
      { slug: 'harbour-notes', strategy: 'database', cluster: 'eu-1' },
      { slug: 'slow-kitchen', strategy: 'database', cluster: 'us-1' },
    ]);
    expect(databases('staging').map(({ strategy }) => strategy)).toEqual(['schema', 'schema', 'schema']);
    expect(planOf('production').resources.filter(({ type }) => type.endsWith(':PersistentVolumeClaim'))).toEqual([]);
  });

  it('remember for every site where its data is, so that no plan leaves it behind', () => {
    for (const name of Object.keys(stacks)) {
      const { resources, outputs } = planOf(name);
      const placements = resources.filter(({ type }) => type === 'fleet:index:Placement').map(({ inputs }) => inputs);
      expect(placements.map(({ slug }) => slug)).toEqual(Object.keys(outputs.sites as object));
      for (const { slug, strategy, cluster, servers } of placements) {
        const database = resources.find(
          ({ type, inputs }) => type === 'fleet:index:SiteDatabase' && inputs.slug === slug,
        );
        expect({ strategy, cluster }).toEqual({
          strategy: database?.inputs.strategy ?? 'sqlite',
          cluster: database?.inputs.cluster,
        });
        expect(Object.keys(servers as object)).toEqual(database === undefined ? [] : ['eu-1', 'us-1']);
      }
    }
  });

  it('follow the load of active sites that may have several pods', async () => {
    const yaml = (slug: string, lines: string) =>
      `slug: ${slug}\ncreator: mira@example.com\ntitle: ${slug}\nplan: studio\ndomains: [${slug}.example.org]\n${lines}\n`;
    const { resources } = await planStack('staging', {
      secrets: { ...passwords, ...s3Secrets },
      config: { autoscaling: { scaleInSeconds: 60 } },
      sites: {
        'alpha.yaml': yaml('alpha', 'scaling: { min: 2, max: 3 }'),
        'beta.yaml': yaml('beta', ''),
        'gamma.yaml': yaml('gamma', 'scaling: { min: 1, max: 3 }\nstate: paused'),
      },
    });
    const ofKind = (kind: string) => resources.filter(({ type }) => type.endsWith(`:${kind}`));
    expect(ofKind('HorizontalPodAutoscaler').map(({ inputs }) => inputs)).toMatchObject([
      {
        metadata: { namespace: 'site-alpha' },
        spec: {
          scaleTargetRef: { kind: 'Deployment', name: 'ghost' },
          minReplicas: 2,
          maxReplicas: 3,
          behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
        },
      },
    ]);
    // What an update applies has no number that would undo the autoscaler's.
    const sites = ofKind('Deployment').filter(({ parentTypes }) => parentTypes.includes('SiteWorkload'));
    expect(sites.map(({ inputs }) => (inputs.spec as { replicas?: number }).replicas)).toEqual([undefined, 1, 1]);
  });

  it('keep the namespace of a site that has a volume, and only that', () => {
    const retained = (name: string) =>
      planOf(name)
        .resources.filter(
          ({ type, parentTypes }) => type.endsWith(':Namespace') && parentTypes.includes('SiteNamespace'),
        )
        .map(({ retainOnDelete }) => retainOnDelete);
    expect(retained('dev')).toEqual([true, true, true]);
    expect(retained('production')).toEqual([false, false, false]);
  });
});

describe('the platform', () => {
  it('has its tables before a site is registered in them', () => {
    const registrations = planOf('staging on CloudNativePG with the platform').resources.filter(
      ({ type }) => type === 'fleet:index:Registration',
    );
    expect(registrations.length).toBe(3);
    for (const { dependencies } of registrations) {
      expect(dependencies).toContainEqual(expect.stringMatching(/Job::platform-migration$/));
    }
  });

  it('leaves the verifier of its application role where its pooler looks, and no other', () => {
    const { resources } = planOf('staging on CloudNativePG with the platform');
    const database = resources.find(({ type }) => type === 'fleet:index:Database');
    expect(database?.inputs.pooler).toEqual({
      role: 'pgbouncer',
      verifiers: { platform_app: 'SCRAM-SHA-256$correct-horse-platform-app' },
    });
  });

  it('needs a sender of its mails wherever it is not on localhost', async () => {
    const platform = { enabled: true };
    const images = { site: 'ghost-fleet/site:dev', platform: 'ghost-fleet/platform:dev' };
    await expect(planStack('staging', { secrets: passwords, config: { platform, images } })).rejects.toThrow(
      /Pulumi.staging.yaml config.ghost-fleet:mail.from: expected a sender, .*; got nothing/,
    );
  });

  it('needs the secrets of what it is told to use', async () => {
    const platform = {
      enabled: true,
      oidc: { issuer: 'https://login.example.com', clientId: 'fleet' },
      repository: { url: 'https://git.example.com/fleet.git' },
      billing: { stripe: true },
    };
    const config = { platform, mail: { host: 'smtp.example.com', from: 'fleet@example.com' } };
    const missing = planStack('staging', { secrets: { ...passwords, ...s3Secrets }, config });
    await expect(missing).rejects.toThrow(
      /oidcClientSecret: .*\n.*repositoryToken: .*\n.*stripeSecretKey: .*\n.*stripeWebhookSecret: /,
    );
  });
});

describe('production', () => {
  it('runs nothing whose image is not pinned by digest', () => {
    const images = planOf('production').resources.flatMap((resource) => {
      const pod = podOf(resource);
      return pod === undefined ? [] : containersOf(pod).map(({ image }) => image);
    });
    expect(images.length).toBeGreaterThan(5);
    expect(images.filter((image) => !image.includes('@sha256:'))).toEqual([]);
  });

  it('refuses an image by tag', async () => {
    const images = { site: 'registry.example.com/site:latest', requireDigests: true };
    await expect(planStack('production', { config: { images } })).rejects.toThrow(
      /Pulumi.production.yaml config.ghost-fleet:images.site: expected an image pinned by digest .*; got "registry.example.com\/site:latest"/,
    );
  });

  it('keeps RDS private, encrypted, in two zones, backed up to the second and undeletable', () => {
    const primaries = planOf('production').resources.filter(({ name }) => name.endsWith('-primary'));
    expect(primaries.length).toBe(2);
    for (const { inputs } of primaries) {
      expect(inputs).toMatchObject({
        deletionProtection: true,
        skipFinalSnapshot: false,
        multiAz: true,
        storageEncrypted: true,
        backupRetentionPeriod: 35,
      });
    }
  });

  it('gives a bucket versions, encryption and no public reader but CloudFront', () => {
    const types = planOf('production').resources.map(({ type }) => type);
    for (const part of ['Versioning', 'ServerSideEncryptionConfiguration', 'PublicAccessBlock', 'OwnershipControls']) {
      expect(types.filter((type) => type.endsWith(`:Bucket${part}`)).length).toBe(1);
    }
    const policy = planOf('production').resources.find(({ type }) => type.endsWith(':BucketPolicy'));
    const { statements } = JSON.parse(String(policy?.inputs.policy)) as {
      statements: { effect?: string; principals: { identifiers: string[] }[] }[];
    };
    const allowed = statements.filter(({ effect }) => effect !== 'Deny').flatMap(({ principals }) => principals);
    expect(allowed.flatMap(({ identifiers }) => identifiers)).toEqual(['cloudfront.amazonaws.com']);
  });

  it("gives a site's role its own prefix and its own ServiceAccount", () => {
    const { resources } = planOf('production');
    const policy = resources.find(({ name }) => name === 'aurora-letters-media-policy')?.inputs.policy;
    const { Statement } = JSON.parse(String(policy)) as { Statement: { Resource: string; Condition?: unknown }[] };
    expect(Statement.map(({ Resource }) => Resource)).toEqual([
      'arn:aws:s3:::ghost-fleet-media/aurora-letters/*',
      'arn:aws:s3:::ghost-fleet-media',
    ]);
    expect(Statement[1]?.Condition).toEqual({ StringLike: { 's3:prefix': 'aurora-letters/*' } });
    const trust = String(resources.find(({ name }) => name === 'aurora-letters-media-role')?.inputs.assumeRolePolicy);
    expect(trust).toContain('"system:serviceaccount:site-aurora-letters:ghost"');
  });

  it('writes records only for domains whose zone is ours', () => {
    const records = planOf('production')
      .resources.filter(({ type }) => type.startsWith('aws:route53/'))
      .map(({ inputs }) => inputs.name);
    expect(records.sort()).toEqual(['*.sites.example.com', 'aurora.example.com']);
  });

  it('alerts for every site and for what they share', () => {
    const groups = planOf('production')
      .resources.filter(({ type }) => type.endsWith(':PrometheusRule'))
      .map(({ inputs }) => (inputs.spec as { groups: { name: string }[] }).groups[0]?.name);
    expect(groups.sort()).toEqual(['fleet', 'site-aurora-letters', 'site-harbour-notes', 'site-slow-kitchen']);
  });

  it('watches the platform where it runs, by metrics that its processes have', async () => {
    const { resources } = planOf('staging on CloudNativePG with the platform');
    const rules = resources.find(({ name }) => name === 'monitoring-platform-rules');
    const asked = JSON.stringify(rules?.inputs.spec).matchAll(/\bplatform_[a-z_]+/g);
    const source = await readFile(path.join(root, 'runtime/platform/metrics.ts'), 'utf8');
    const names = [...new Set([...asked].map(([name]) => name.replace(/_count$/, '')))];
    expect(names.length).toBeGreaterThan(4);
    for (const name of names) expect(source, name).toContain(`'${name}'`);
    const monitor = resources.find(({ name }) => name === 'monitoring-platform')?.inputs.spec as {
      selector: { matchExpressions: { values: string[] }[] };
      podMetricsEndpoints: { port: string }[];
    };
    for (const name of monitor.selector.matchExpressions[0]?.values ?? []) {
      const deployment = resources.find(
        ({ type, inputs }) => type.endsWith(':Deployment') && (inputs.metadata as { name: string }).name === name,
      );
      expect(JSON.stringify(deployment?.inputs.spec), name).toContain(
        `"name":"${monitor.podMetricsEndpoints[0]?.port}"`,
      );
    }
  });
});
