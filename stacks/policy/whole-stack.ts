import { platformPart, platformPartLabel, siteLabel } from '../../components/labels.ts';
import type { StackRule, Subject } from './subject.ts';

interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const metadataOf = ({ inputs }: Subject) => (inputs.metadata ?? {}) as Metadata;
const kindOf = ({ type }: Subject) => type.split(':').at(-1) ?? '';

/** A host leads to one site. */
export const hostsAreUnique: StackRule = (resources) => {
  const claims = resources.flatMap((resource) => {
    const { namespace = '' } = metadataOf(resource);
    return hostsOf(resource).map((host) => ({ host: host.toLowerCase(), namespace }));
  });
  return [...Map.groupBy(claims, ({ host }) => host)].flatMap(([host, claimants]) => {
    const namespaces = [...new Set(claimants.map(({ namespace }) => namespace))].sort();
    return namespaces.length > 1 ? [`${host}: leads to ${namespaces.join(' and ')}`] : [];
  });
};

function hostsOf(resource: Subject): readonly string[] {
  const spec = (resource.inputs.spec ?? {}) as {
    readonly hostnames?: readonly string[];
    readonly rules?: readonly { readonly host?: string }[];
  };
  if (kindOf(resource) === 'HTTPRoute') return spec.hostnames ?? [];
  return kindOf(resource) === 'Ingress' ? (spec.rules ?? []).flatMap(({ host }) => host ?? []) : [];
}

/** A site has all of its parts: limits, a wall, a backup and a route, and alerts where the stack has any. */
export const sitesAreComplete: StackRule = (resources) => {
  const needed = ['ResourceQuota', 'NetworkPolicy', 'CronJob', 'PodDisruptionBudget', 'Deployment'];
  if (resources.some((resource) => kindOf(resource) === 'PrometheusRule')) needed.push('PrometheusRule');
  const sites = resources.filter(
    (resource) => kindOf(resource) === 'Namespace' && metadataOf(resource).labels?.[siteLabel] !== undefined,
  );
  return sites.flatMap((site) => {
    const { name = '' } = metadataOf(site);
    const kinds = new Set(resources.filter((resource) => metadataOf(resource).namespace === name).map(kindOf));
    const missing = needed.filter((kind) => !kinds.has(kind));
    if (!kinds.has('HTTPRoute') && !kinds.has('Ingress')) missing.push('HTTPRoute or Ingress');
    return missing.map((kind) => `${name}: has no ${kind}`);
  });
};

interface Selecting {
  readonly template?: { readonly metadata?: Metadata };
  readonly podSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
}

/**
 * Every Deployment and Job of the platform stands behind a network policy. Its StatefulSets (Redis, Meilisearch) do not:
 * on which way the machine that runs Pulumi comes to them is the cluster's own, and they ask everybody for a password.
 */
export const platformIsFenced: StackRule = (resources) => {
  const specOf = ({ inputs }: Subject) => (inputs.spec ?? {}) as Selecting;
  const policies = resources.filter((resource) => kindOf(resource) === 'NetworkPolicy');
  const pods = resources.flatMap((resource) => {
    const labels = specOf(resource).template?.metadata?.labels ?? {};
    const isMeant = ['Deployment', 'Job'].includes(kindOf(resource)) && labels[platformPartLabel] === platformPart;
    return isMeant ? [{ ...metadataOf(resource), labels }] : [];
  });
  const isFenced = ({ namespace, labels }: (typeof pods)[number]) =>
    policies.some((policy) => {
      const selected = Object.entries(specOf(policy).podSelector?.matchLabels ?? {});
      return metadataOf(policy).namespace === namespace && selected.every(([key, value]) => labels[key] === value);
    });
  return pods.filter((pod) => !isFenced(pod)).map(({ name }) => `${name}: has no network policy`);
};
