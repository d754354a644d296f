/** Label of every object that this project makes. */
const managed = { 'app.kubernetes.io/managed-by': 'ghost-fleet' } as const;

/** Label that says which site an object belongs to. */
export const siteLabel = 'ghost-fleet.dev/site';

/** Labels of a site's objects; `component` tells a site's own pods apart. */
export function siteLabels(slug: string, component = 'ghost'): Record<string, string> {
  return { ...managed, 'app.kubernetes.io/name': component, [siteLabel]: slug };
}

/** Labels of the platform's objects. */
export function platformLabels(component: string): Record<string, string> {
  return { ...managed, 'app.kubernetes.io/name': component, 'app.kubernetes.io/part-of': 'platform' };
}

/** What Kubernetes itself calls a namespace in a label of it. */
export const namespaceNameLabel = 'kubernetes.io/metadata.name';

/** Label of the namespaces whose routes the platform's gateway takes. */
export const routesAllowed = { 'ghost-fleet.dev/routes': 'allowed' } as const;
