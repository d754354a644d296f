import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { podOf } from '../../stacks/policy/pods.ts';
import { rulesOf, stackRules } from '../../stacks/policy/rules.ts';
import { type Plan, type PlannedResource, planStack } from './plan.ts';

/** What a stack's file has as an example of a platform: the comments from the first setting on. */
async function exampleIn(file: string): Promise<Record<string, unknown>> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const comments = lines.flatMap((line) => /^ {2}# (.*)$/.exec(line)?.[1] ?? []);
  const start = comments.findIndex((line) => /^ghost-fleet:\w+:$/.test(line));
  const example = parse(comments.slice(start).join('\n')) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(example).map(([key, value]) => [key.replace(/^ghost-fleet:/, ''), value]));
}

const images = { site: 'registry.example.com/site:1', platform: 'registry.example.com/platform:1' };
const sender = {
  host: 'smtp.internal.example',
  port: 2500,
  from: 'Fleet <fleet@example.com>',
  cidrs: ['10.9.0.25/32'],
};

/** `dev` with the example in its file, and a mail server. */
const dev = {
  secrets: { clusterPasswords: { 'local-1': 'correct-horse-local' } },
  config: { mail: sender, ...(await exampleIn('stacks/Pulumi.dev.yaml')) },
};

const pinned = (name: string) => `registry.example.com/${name}@sha256:${'0'.repeat(64)}`;

const production = {
  secrets: {
    mailPassword: 'correct-horse-mail',
    oidcClientSecret: 'correct-horse-oidc',
    repositoryToken: 'correct-horse-repository',
    stripeSecretKey: 'correct-horse-stripe',
    stripeWebhookSecret: 'correct-horse-webhook',
  },
  config: {
    ...(await exampleIn('stacks/Pulumi.production.yaml')),
    images: Object.fromEntries(['site', 'platform', 'pooler', 'redis', 'search'].map((name) => [name, pinned(name)])),
    mail: { host: 'smtp.example.com', from: 'Fleet <fleet@example.com>' },
  },
};

const staging = {
  secrets: {
    clusterPasswords: { 'eu-1': 'correct-horse-eu', 'us-1': 'correct-horse-us' },
    mediaAccessKeyId: 'correct-horse-id',
    mediaSecretAccessKey: 'correct-horse-secret',
    oidcClientSecret: 'correct-horse-oidc',
    repositoryToken: 'correct-horse-repository',
  },
  config: {
    images,
    mail: { host: 'smtp.example.com', from: 'Fleet <fleet@example.com>' },
    platform: {
      enabled: true,
      host: 'dashboard.example.org',
      oidc: { issuer: 'https://login.internal.example:8443', clientId: 'fleet', cidrs: ['10.9.0.8/32'] },
      repository: { url: 'http://git.internal.example:3000/ops/fleet.git', cidrs: ['10.9.0.9/32'] },
    },
  },
};

interface Peer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
  readonly namespaceSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}

interface Fence {
  readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly { readonly from: readonly Peer[]; readonly ports: readonly { port: number }[] }[];
  readonly egress: readonly { readonly to: readonly Peer[]; readonly ports: readonly { port: number }[] }[];
}

let plans: Readonly<Record<'dev' | 'staging' | 'production' | 'ingress', Plan>>;
beforeAll(async () => {
  plans = {
    dev: await planStack('dev', dev),
    staging: await planStack('staging', staging),
    production: await planStack('production', production),
    ingress: await planStack('dev', {
      ...dev,
      config: { ...dev.config, ingress: { kind: 'ingress', issuer: 'local' } },
    }),
  };
}, 120_000);

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
}

/** An object in the namespace of the platform. */
const named = (plan: Plan, kind: string, name: string): PlannedResource | undefined =>
  plan.resources.find(({ type, inputs }) => {
    const metadata = inputs.metadata as Metadata | undefined;
    return type.endsWith(`:${kind}`) && metadata?.name === name && metadata.namespace === 'ghost-fleet';
  });

function fenceOf(plan: Plan, name: string): Fence {
  const policy = named(plan, 'NetworkPolicy', name);
  if (policy === undefined) throw new Error(`expected the network policy ${name}`);
  return policy.inputs.spec as unknown as Fence;
}

/** A side of an arrow in words: networks, or pods of namespaces. */
function describePeer({ ipBlock, namespaceSelector, podSelector }: Peer): string {
  if (ipBlock !== undefined) return ipBlock.cidr;
  const { 'kubernetes.io/metadata.name': namespace } = namespaceSelector?.matchLabels ?? {};
  const among = namespace ?? namespaceSelector?.matchLabels['app.kubernetes.io/name'] ?? '';
  return [among, podSelector?.matchLabels['app.kubernetes.io/name']].filter(Boolean).join('/');
}

/** Where pods get to: `<peer>:<port>`, the internet's ports left out. */
function reachOf({ egress }: Fence): string[] {
  const rules = egress.filter(({ to }) => !to.some(({ ipBlock }) => ipBlock?.cidr.endsWith('/0')));
  return rules
    .flatMap(({ to, ports }) => to.flatMap((peer) => ports.map(({ port }) => `${describePeer(peer)}:${port}`)))
    .filter((entry, index, all) => all.indexOf(entry) === index);
}

const callersOf = ({ ingress = [] }: Fence): string[] =>
  ingress.flatMap(({ from, ports }) =>
    from.flatMap((peer) => ports.map(({ port }) => `${describePeer(peer)}:${port}`)),
  );

const internetOf = ({ egress }: Fence) =>
  egress.filter(({ to }) => to.some(({ ipBlock }) => ipBlock?.cidr.endsWith('/0')));

describe('the network of the platform', () => {
  it('lets the ingress controller into the API, and nobody into worker and migration', () => {
    const callers = ['platform-api', 'platform-worker', 'platform-migration'].map((name) =>
      callersOf(fenceOf(plans.dev, name)),
    );
    expect(callers).toEqual([['traefik:3000'], [], []]);
    const watched = ['platform-api', 'platform-worker', 'platform-migration'].map((name) =>
      callersOf(fenceOf(plans.staging, name)),
    );
    expect(watched).toEqual([['traefik:3000', 'monitoring:2369'], ['monitoring:2369'], []]);
    for (const name of ['platform-api', 'platform-worker', 'platform-migration']) {
      const { policyTypes, podSelector } = fenceOf(plans.dev, name);
      expect(policyTypes).toEqual(['Ingress', 'Egress']);
      expect(podSelector.matchLabels['app.kubernetes.io/name']).toBe(name);
    }
  });

  it('lets the worker out to databases, Redis, mail and the probe ports of sites', () => {
    const own = ['ghost-fleet/pooler-local-1:6432', '192.168.1.20/32:5432'];
    const [dns, redis, mail] = ['kube-system:53', 'ghost-fleet/redis:6379', '10.9.0.25/32:2500'];
    expect(reachOf(fenceOf(plans.dev, 'platform-worker'))).toEqual([dns, 'ghost/ghost:2369', ...own, redis, mail]);
    expect(reachOf(fenceOf(plans.dev, 'platform-api'))).toEqual([dns, ...own, redis, mail]);
    expect(reachOf(fenceOf(plans.dev, 'platform-migration'))).toEqual([dns, ...own]);
    const several = reachOf(fenceOf(plans.staging, 'platform-worker'));
    expect(several).toEqual(expect.arrayContaining(['ghost-fleet/pooler-us-1:6432', '10.41.0.0/16:5432']));
    expect(reachOf(fenceOf(plans.staging, 'platform-api'))).not.toContain('ghost-fleet/pooler-us-1:6432');
    expect(reachOf(fenceOf(plans.staging, 'platform-api'))).toContain('10.9.0.8/32:8443');
    for (const name of ['platform-api', 'platform-worker'])
      expect(reachOf(fenceOf(plans.staging, name))).toContain('10.9.0.9/32:3000');
  });

  it('leaves neighbours and the metadata service out of the internet, which the migration does not reach at all', () => {
    expect(internetOf(fenceOf(plans.dev, 'platform-migration'))).toEqual([]);
    for (const name of ['platform-api', 'platform-worker']) {
      const [rule, ...others] = internetOf(fenceOf(plans.staging, name));
      expect(others).toEqual([]);
      expect(rule?.ports.map(({ port }) => port)).toEqual([443, 25, 465, 587, 2525, 8443, 3000]);
      const left = rule?.to.map(({ ipBlock }) => ipBlock?.except ?? []);
      expect(left?.[0]).toEqual(expect.arrayContaining(['10.0.0.0/8', '169.254.0.0/16', '192.168.0.0/16']));
      expect(left?.[1]).toEqual(expect.arrayContaining(['fc00::/7', 'fe80::/10', 'fd00:ec2::254/128']));
    }
  });

  it('lets pods of sites and of the platform into the pooler, and the pooler out to its server', () => {
    const fence = fenceOf(plans.dev, 'pooler-local-1');
    const managed = { 'app.kubernetes.io/managed-by': 'ghost-fleet' };
    expect(fence.ingress?.map(({ from }) => from[0]?.podSelector?.matchLabels)).toEqual([
      managed,
      { ...managed, 'app.kubernetes.io/part-of': 'platform' },
    ]);
    expect(callersOf(fence)).toEqual(['ghost:6432', 'ghost-fleet:6432']);
    expect(reachOf(fence)).toEqual(['kube-system:53', '192.168.1.20/32:5432']);
    expect(internetOf(fence)).toEqual([]);
  });
});

describe('every stack with a platform', () => {
  it('holds to the rules of its environment, and of the whole', () => {
    for (const [name, { resources }] of Object.entries(plans)) {
      for (const check of Object.values(rulesOf(name))) {
        expect([name, ...resources.flatMap(check)]).toEqual([name]);
      }
      for (const check of Object.values(stackRules)) expect([name, ...check(resources)]).toEqual([name]);
    }
  });
});

describe('the pods of the platform', () => {
  it('are as many as the settings say, two of each where they say nothing', () => {
    const replicas = (plan: Plan) =>
      ['platform-api', 'platform-worker'].map(
        (name) => (named(plan, 'Deployment', name)?.inputs.spec as { replicas: number } | undefined)?.replicas,
      );
    expect(replicas(plans.dev)).toEqual([1, 1]);
    expect(replicas(plans.staging)).toEqual([2, 2]);
  });

  it('are asked whether they live and are ready, and serve until the ingress controller knows that they leave', () => {
    for (const [name, port] of Object.entries({ 'platform-api': 'http', 'platform-worker': 'probes' })) {
      const deployment = named(plans.dev, 'Deployment', name);
      expect((deployment && podOf(deployment))?.containers).toMatchObject([
        {
          startupProbe: { httpGet: { path: '/livez', port }, failureThreshold: 60 },
          readinessProbe: { httpGet: { path: '/readyz', port } },
          livenessProbe: { httpGet: { path: '/livez', port } },
          lifecycle: { preStop: { sleep: { seconds: 5 } } },
        },
      ]);
    }
  });

  it('start once the tables are migrated; sites are registered once they answer', () => {
    for (const name of ['platform-api', 'platform-worker']) {
      expect(named(plans.dev, 'Deployment', name)?.dependencies).toContainEqual(
        expect.stringMatching(/Job::platform-migration$/),
      );
    }
    const rows = plans.dev.resources.filter(({ type }) => type === 'fleet:index:Registration');
    expect(rows.length).toBe(3);
    for (const { inputs, dependencies } of rows) {
      const deployment = new RegExp(`Deployment::${String(inputs.slug)}-deployment$`);
      expect(dependencies).toEqual(
        expect.arrayContaining([expect.stringMatching(/Job::platform-migration$/), expect.stringMatching(deployment)]),
      );
    }
  });
});

describe('the way to the dashboard', () => {
  const specOf = (plan: Plan, kind: string, name: string) => named(plan, kind, name)?.inputs.spec;

  it('is the gateway of the sites where no certificates are issued', () => {
    expect(specOf(plans.dev, 'HTTPRoute', 'platform')).toMatchObject({
      parentRefs: [{ name: 'ghost-fleet', namespace: 'ghost-fleet' }],
      hostnames: ['platform.sites.fleet.localhost'],
      rules: [{ backendRefs: [{ name: 'platform', port: 3000 }] }],
    });
    expect(named(plans.dev, 'Gateway', 'platform')).toBeUndefined();
  });

  it('is HTTPS with a certificate of its own, and a redirect from HTTP, where they are', () => {
    expect(specOf(plans.staging, 'Gateway', 'platform')).toMatchObject({
      listeners: [{ protocol: 'HTTPS', hostname: 'dashboard.example.org', tls: { mode: 'Terminate' } }],
    });
    expect(specOf(plans.staging, 'HTTPRoute', 'platform')).toMatchObject({
      parentRefs: [{ name: 'platform' }],
      rules: [{ backendRefs: [{ name: 'platform', port: 3000 }] }],
    });
    expect(specOf(plans.staging, 'HTTPRoute', 'platform-http')).toMatchObject({
      parentRefs: [{ name: 'ghost-fleet', sectionName: 'http' }],
      hostnames: ['dashboard.example.org'],
      rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }] }],
    });
  });

  it('has a record where its zone is ours', () => {
    const records = plans.production.resources.filter(({ type }) => type.startsWith('aws:route53/'));
    expect(records.map(({ inputs }) => inputs.name)).toContain('dashboard.example.com');
  });

  it('is an Ingress with a certificate where that is how sites are reached', () => {
    const ingress = named(plans.ingress, 'Ingress', 'platform');
    expect(ingress?.inputs).toMatchObject({
      metadata: { annotations: { 'cert-manager.io/cluster-issuer': 'local' } },
      spec: {
        rules: [{ host: 'platform.sites.fleet.localhost' }],
        tls: [{ hosts: ['platform.sites.fleet.localhost'], secretName: 'platform-tls' }],
      },
    });
  });
});
