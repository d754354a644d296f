import { describe, expect, it } from 'vitest';
import { readKubeconfig } from '../../support/providers/kubernetes/kubeconfig.ts';
import { KubernetesStandIn } from '../../support/providers/kubernetes/provider.ts';
import { hasUnknowns, unknown } from '../../support/providers/properties.ts';

const provider = new KubernetesStandIn('0.0.0');
const urn = 'urn:pulumi:dev::fleet::kubernetes:apps/v1:Deployment::Web';
const deployment = (spec: object, name = 'web') => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'site' },
  spec,
});

describe('the stand-in for the kubernetes provider', () => {
  it('names what has no name after its resource, and keeps that name', async () => {
    const inputs = { apiVersion: 'v1', kind: 'ConfigMap', data: {} };
    const made = await provider.check(urn, {}, inputs);
    expect(made.metadata).toEqual({ name: expect.stringMatching(/^web-[0-9a-f]{8}$/) });
    expect(await provider.check(urn, made, inputs)).toEqual(made);
  });

  it('refuses an object without kind or version', async () => {
    await expect(provider.check(urn, {}, { kind: 'ConfigMap' })).rejects.toThrow('apiVersion: expected a name');
  });

  it('sees no difference in the order of keys', () => {
    const [before, after] = [deployment({ replicas: 1, paused: false }), deployment({ paused: false, replicas: 1 })];
    expect(provider.diff(urn, before, after, {}).changed).toEqual([]);
  });

  it('updates what can be updated and replaces what cannot, the old one first where the name stays', () => {
    const before = deployment({ replicas: 1, selector: { matchLabels: { app: 'web' } } });
    const scaled = deployment({ replicas: 2, selector: { matchLabels: { app: 'web' } } });
    expect(provider.diff(urn, before, scaled, {})).toEqual({
      changed: ['spec.replicas'],
      replacing: [],
      deleteBeforeReplace: false,
    });
    const reselected = deployment({ replicas: 1, selector: { matchLabels: { app: 'site' } } });
    expect(provider.diff(urn, before, reselected, {})).toEqual({
      changed: ['spec.selector.matchLabels.app'],
      replacing: ['spec.selector.matchLabels.app'],
      deleteBeforeReplace: true,
    });
    const renamed = provider.diff(urn, before, deployment(before.spec, 'site'), {});
    expect([renamed.replacing, renamed.deleteBeforeReplace]).toEqual([['metadata.name'], false]);
  });

  it('asks no server in a preview while something is not known yet', async () => {
    const inputs = deployment({ replicas: unknown });
    expect(hasUnknowns(inputs)).toBe(true);
    expect(await provider.create(urn, inputs, true)).toEqual({ id: '', properties: inputs });
  });

  it('says which contexts a kubeconfig has when it lacks the one that is asked for', () => {
    const text = 'contexts: [{ name: kind, context: { cluster: kind, user: me } }]';
    expect(() => readKubeconfig(text, 'prod')).toThrow('expected a context out of kind; got "prod"');
  });
});
