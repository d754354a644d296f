import { describe, expect, it } from 'vitest';
import { rulesOf, stackRules } from '../../stacks/policy/rules.ts';
import type { Rule, Subject } from '../../stacks/policy/subject.ts';
import { nothingLeaks } from './leaks.ts';

const rules: Readonly<Record<string, Rule>> = {
  ...rulesOf('production'),
  'credentials are nowhere in plain': nothingLeaks,
};

function resource(type: string, inputs: object, more: Partial<Subject> = {}): Subject {
  const sound = { secretPaths: [], protect: false, retainOnDelete: false };
  return { ...sound, type, name: 'bad', inputs: inputs as Record<string, unknown>, ...more };
}

const pod = (spec: object) => resource('kubernetes:apps/v1:Deployment', { spec: { template: { spec } } });
const statement = (more: object) =>
  resource('aws:iam/rolePolicy:RolePolicy', {
    policy: JSON.stringify({ Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:x', ...more }] }),
  });

const wall = (spec: object) =>
  resource('kubernetes:networking.k8s.io/v1:NetworkPolicy', {
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ...spec },
  });

/** For each rule what breaks it, and what is said of it. */
const offences: Readonly<Record<string, [Subject, RegExp][]>> = {
  'pods are restricted': [
    [pod({ containers: [{ name: 'c' }] }), /mounts a token|may run as root|keeps capabilities/],
    [pod({ containers: [], volumes: [{ name: 'v', hostPath: {} }] }), /folder of the node/],
    [pod({ containers: [], hostNetwork: true }), /namespaces/],
  ],
  'containers have requests and limits': [
    [pod({ containers: [{ name: 'c', resources: { limits: { cpu: '1' } } }] }), /no limits of memory/],
  ],
  'secrets reach containers as files': [
    [pod({ containers: [{ name: 'c', env: [{ name: 'DATABASE_PASSWORD', value: 'x' }] }] }), /DATABASE_PASSWORD/],
    [pod({ containers: [{ name: 'c', envFrom: [{ secretRef: {} }] }] }), /Secret as variables/],
  ],
  'credentials are secret': [
    [resource('kubernetes:core/v1:Secret', { stringData: { a: 'b' } }), /stringData is not secret/],
    [resource('fleet:index:Placement', { servers: {} }), /servers is not secret/],
  ],
  'credentials are nowhere in plain': [
    [resource('kubernetes:core/v1:ConfigMap', { data: { a: 'hex-of-something' } }), /in plain/],
  ],
  'data is kept, shared data protected': [
    [resource('kubernetes:core/v1:PersistentVolumeClaim', {}), /would be deleted/],
    [resource('aws:rds/instance:Instance', {}), /not protected/],
    [resource('kubernetes:apps/v1:Deployment', {}, { protect: true }), /could be removed/],
  ],
  'nothing is public': [
    [resource('kubernetes:core/v1:Service', { spec: { type: 'LoadBalancer' } }), /LoadBalancer/],
    [resource('aws:rds/instance:Instance', { publiclyAccessible: true }), /public/],
    [resource('aws:ec2/securityGroup:SecurityGroup', { ingress: [{ cidrBlocks: ['0.0.0.0/0'] }] }), /world/],
    [resource('aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock', {}), /blockPublicAcls is off/],
  ],
  'neighbours are out of reach': [
    [wall({ podSelector: { matchLabels: { a: 'b' } } }), /leaves pods out/],
    [wall({ podSelector: { matchLabels: { 'app.kubernetes.io/part-of': 'neighbour' } } }), /leaves pods out/],
    [wall({ policyTypes: ['Ingress'] }), /one direction/],
    [wall({ ingress: [{}] }), /open to everybody/],
    [wall({ ingress: [{ from: [] }] }), /open to everybody/],
    [wall({ ingress: [{ from: [{ namespaceSelector: {} }] }] }), /every namespace/],
    [wall({ egress: [{ ports: [{ port: 443 }] }] }), /everywhere/],
    [wall({ egress: [{ to: [{ ipBlock: { cidr: '10.1.0.0/16' } }] }] }), /every port/],
    [wall({ egress: [{ to: [{ ipBlock: { cidr: '0.0.0.0/0' } }], ports: [{ port: 443 }] }] }), /169\.254/],
    [wall({ egress: [{ to: [{ ipBlock: { cidr: '::/0', except: ['fc00::/7'] } }], ports: [{}] }] }), /fe80/],
  ],
  'images are pinned by digest': [
    [pod({ containers: [{ name: 'c', image: 'ghost:6' }] }), /c runs ghost:6/],
    [pod({ containers: [], initContainers: [{ name: 'i', image: 'ghost@sha256:abc' }] }), /i runs/],
  ],
  'policy documents allow what is named': [
    [statement({ Action: 's3:*' }), /allows s3:\*/],
    [statement({ Resource: '*' }), /every resource/],
    [statement({ Principal: '*' }), /everybody/],
  ],
  'names fit their systems': [
    [resource('kubernetes:core/v1:Secret', { metadata: { name: 'a'.repeat(64) } }), /object's name/],
    [resource('fleet:index:Role', { name: 'a'.repeat(64) }), /too long/],
  ],
};

describe('each rule of the policies', () => {
  it('is broken by something in this file', () => {
    expect(Object.keys(offences).sort()).toEqual(Object.keys(rules).sort());
  });

  it.each(Object.entries(offences))('is broken: %s', (name, cases) => {
    for (const [offender, said] of cases) expect((rules[name]?.(offender) ?? []).join('\n')).toMatch(said);
  });
});

const siteNamespace = (name: string) =>
  resource('kubernetes:core/v1:Namespace', { metadata: { name, labels: { 'ghost-fleet.dev/site': name } } });
const route = (namespace: string, hostnames: string[]) =>
  resource('kubernetes:gateway.networking.k8s.io/v1:HTTPRoute', { metadata: { namespace }, spec: { hostnames } });
const ingress = (namespace: string, host: string) =>
  resource('kubernetes:networking.k8s.io/v1:Ingress', { metadata: { namespace }, spec: { rules: [{ host }] } });

describe('a whole stack', () => {
  it('breaks a rule where a host leads to two sites, whatever its case and whichever the route', () => {
    const check = stackRules['hosts lead to one site'];
    expect(check?.([route('site-a', ['a.example']), route('site-a', ['a.example'])])).toEqual([]);
    expect(check?.([route('site-a', ['a.example']), ingress('site-b', 'A.example')])).toEqual([
      'a.example: leads to site-a and site-b',
    ]);
  });

  it('breaks a rule where a site lacks a part', () => {
    const check = stackRules['sites are complete'];
    const alerts = resource('kubernetes:monitoring.coreos.com/v1:PrometheusRule', {
      metadata: { namespace: 'site-b' },
    });
    expect(check?.([siteNamespace('site-a'), ingress('site-a', 'a.example'), alerts])).toEqual(
      ['ResourceQuota', 'NetworkPolicy', 'CronJob', 'PodDisruptionBudget', 'Deployment', 'PrometheusRule'].map(
        (kind) => `site-a: has no ${kind}`,
      ),
    );
    expect(check?.([siteNamespace('site-a')])?.at(-1)).toBe('site-a: has no HTTPRoute or Ingress');
  });

  it('breaks a rule where a pod of the platform stands open', () => {
    const check = stackRules['the platform is fenced'];
    const labels = { 'app.kubernetes.io/part-of': 'platform', 'app.kubernetes.io/name': 'api' };
    const metadata = { name: 'api', namespace: 'platform' };
    const api = resource('kubernetes:apps/v1:Deployment', { metadata, spec: { template: { metadata: { labels } } } });
    const policy = (namespace: string, matchLabels: object) =>
      resource('kubernetes:networking.k8s.io/v1:NetworkPolicy', {
        metadata: { namespace },
        spec: { podSelector: { matchLabels } },
      });
    expect(check?.([api, policy('platform', labels)])).toEqual([]);
    const others = [policy('elsewhere', labels), policy('platform', { ...labels, 'app.kubernetes.io/name': 'worker' })];
    expect(check?.([api, ...others])).toEqual(['api: has no network policy']);
  });

  it('has more rules in production and its shards', () => {
    const rule = 'images are pinned by digest';
    expect(
      ['production', 'production-07', 'staging', 'dev', 'production-like'].map((stack) => rule in rulesOf(stack)),
    ).toEqual([true, true, false, false, false]);
  });
});
