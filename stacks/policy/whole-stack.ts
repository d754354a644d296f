import { siteLabel } from '../../components/labels.ts';
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
