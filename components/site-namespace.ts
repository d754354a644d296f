import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { namesOf } from '../sites/naming.ts';
import type { Plan } from '../sites/plans.ts';
import { routesAllowed, siteLabels } from './labels.ts';
import { restrictedNamespace } from './pod-security.ts';
import { multiplyQuantity } from './quantity.ts';

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

/** Room for the site's pods, one more while they roll, and a backup beside them. */
function quotaOf({ plan, maxReplicas, volumeGiB }: SiteNamespaceArgs): Record<string, string> {
  const pods = maxReplicas + 2;
  const { requests, limits } = plan.resources;
  return {
    pods: String(pods + 2),
    'requests.cpu': multiplyQuantity(requests.cpu, pods),
    'requests.memory': multiplyQuantity(requests.memory, pods),
    'limits.cpu': multiplyQuantity(limits.cpu, pods),
    'limits.memory': multiplyQuantity(limits.memory, pods),
    persistentvolumeclaims: volumeGiB === undefined ? '0' : '1',
    'requests.storage': `${volumeGiB ?? 0}Gi`,
    'services.loadbalancers': '0',
    'services.nodeports': '0',
  };
}
