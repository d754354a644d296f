import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { namesOf } from '../sites/naming.ts';
import { type ContainerResources, type Plan, plans } from '../sites/plans.ts';
import { routesAllowed, siteLabels } from './labels.ts';
import { restrictedNamespace } from './pod-security.ts';
import { largestQuantity, sumQuantities } from './quantity.ts';

export interface SiteNamespaceArgs {
  readonly slug: string;
  readonly plan: Plan;
  /** Site pods at most. */
  readonly maxReplicas: number;
  /** Size of the site's volume; none where nothing of it lies on one. */
  readonly volumeGiB: number | undefined;
}

/**
 * A namespace for one site, with a quota of what its plan pays for. It outlives the site's YAML wherever a volume lies in
 * it, because Kubernetes deletes a namespace with all that is inside.
 */
export class SiteNamespace extends pulumi.ComponentResource {
  readonly namespace: pulumi.Output<string>;

  constructor(name: string, args: SiteNamespaceArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteNamespace', name, {}, options);

    const namespace = new k8s.core.v1.Namespace(
      `${name}-namespace`,
      {
        metadata: {
          name: namesOf(args.slug).namespace,
          labels: { ...siteLabels(args.slug), ...restrictedNamespace, ...routesAllowed },
        },
      },
      { parent: this, retainOnDelete: args.volumeGiB !== undefined },
    );
    new k8s.core.v1.ResourceQuota(
      `${name}-quota`,
      {
        metadata: { name: 'plan', namespace: namespace.metadata.name, labels: siteLabels(args.slug) },
        spec: { hard: quotaOf(args) },
      },
      { parent: this },
    );

    this.namespace = namespace.metadata.name;
    this.registerOutputs({ namespace: this.namespace });
  }
}

/**
 * Room for a pod that the site rolls or tries its release with, for a backup beside it, and for the site's pods. Those are
 * of any plan: when a site changes its plan, the pods of the plan before stay until the new ones are ready.
 */
function quotaOf({ plan, maxReplicas, volumeGiB }: SiteNamespaceArgs): Record<string, string> {
  const room = (of: 'requests' | 'limits', what: keyof ContainerResources) =>
    sumQuantities([
      [maxReplicas, largestQuantity(Object.values(plans).map(({ resources }) => resources[of][what]))],
      [2, plan.resources[of][what]],
    ]);
  return {
    pods: String(maxReplicas + 4),
    'requests.cpu': room('requests', 'cpu'),
    'requests.memory': room('requests', 'memory'),
    'limits.cpu': room('limits', 'cpu'),
    'limits.memory': room('limits', 'memory'),
    persistentvolumeclaims: volumeGiB === undefined ? '0' : '1',
    'requests.storage': `${volumeGiB ?? 0}Gi`,
    'services.loadbalancers': '0',
    'services.nodeports': '0',
  };
}
