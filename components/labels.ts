/** Label of every object that this project makes. */
const managed = { 'app.kubernetes.io/managed-by': 'ghost-fleet' } as const;

/** Label that says which site an object belongs to. */
export const siteLabel = 'ghost-fleet.dev/site';

/** Labels of a site's objects; `component` tells a site's own pods apart. */
export function siteLabels(slug: string, component = 'ghost'): Record<string, string> {
  return { ...managed, 'app.kubernetes.io/name': component, [siteLabel]: slug };
}

/** What the namespaces of all sites, and the pods in which their Ghosts run, have in common. */
export const everySite: Readonly<Record<string, string>> = { ...managed, 'app.kubernetes.io/name': 'ghost' };

/** What all pods of this project have in common. */
export const everyPod: Readonly<Record<string, string>> = managed;

/** Label that says that an object is the platform's, and its value. */
export const platformPartLabel = 'app.kubernetes.io/part-of';
export const platformPart = 'platform';

/** What all of the platform's objects have in common. */
export const wholePlatform: Readonly<Record<string, string>> = { ...managed, [platformPartLabel]: platformPart };

/** Labels of the platform's objects. */
export function platformLabels(component: string): Record<string, string> {
  return { ...wholePlatform, 'app.kubernetes.io/name': component };
}

/** What Kubernetes itself calls a namespace in a label of it. */
export const namespaceNameLabel = 'kubernetes.io/metadata.name';

/** Label of the namespaces whose routes the platform's gateway takes. */
export const routesAllowed = { 'ghost-fleet.dev/routes': 'allowed' } as const;
