import { describe, expect, it } from 'vitest';
import type { PlannedResource } from './plan.ts';
import { rules } from './rules.ts';

function resource(type: string, inputs: object, more: Partial<PlannedResource> = {}): PlannedResource {
  const sound = { parentTypes: '', secretPaths: [], protect: false, retainOnDelete: false, ignoreChanges: [] };
  return { ...sound, type, name: 'bad', inputs: inputs as Record<string, unknown>, ...more };
}

const pod = (spec: object) => resource('kubernetes:apps/v1:Deployment', { spec: { template: { spec } } });
const statement = (more: object) =>
  resource('aws:iam/rolePolicy:RolePolicy', {
    policy: JSON.stringify({ Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:x', ...more }] }),
  });

/** For each rule what breaks it, and what is said of it. */
const offences: Readonly<Record<string, [PlannedResource, RegExp][]>> = {
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
