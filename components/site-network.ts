import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { platformLabels, siteLabels } from './labels.ts';
import { letIn, mailPorts, namespaceOf, toDns, toInternet, toService } from './network-rules.ts';
import type { Reachable } from './postgres-access.ts';

/** What a site may open on the internet: webhooks, oEmbed, mail. */
const internetPorts = [80, 443, ...mailPorts] as const;

export interface SiteNetworkArgs {
  readonly slug: string;
  readonly namespace: pulumi.Input<string>;
  /** Namespace of the ingress controller: nobody else opens the site's port. */
  readonly controllerNamespace: string;
  /** Namespace of Prometheus, which reads the probe port. */
  readonly monitoringNamespace: string | undefined;
  /** Namespace of the platform's worker, which reads the site's numbers there. */
  readonly platformNamespace: string | undefined;
  readonly port: number;
  readonly probePort: number;
  /** Databases, caches and other services of the platform. */
  readonly reachable: readonly pulumi.Input<readonly Reachable[]>[];
}

/**
 * Denies a site's pods everything but their ingress controller, who reads their probe port, DNS, the services named for them and the internet's web
 * and mail ports; private networks, and with them neighbours and the metadata service, are left out of the internet.
 */
export class SiteNetwork extends pulumi.ComponentResource {
  constructor(name: string, args: SiteNetworkArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteNetwork', name, {}, options);
    new k8s.networking.v1.NetworkPolicy(
      `${name}-policy`,
      {
        metadata: { name: 'ghost', namespace: args.namespace, labels: siteLabels(args.slug) },
        spec: {
          podSelector: {},
          policyTypes: ['Ingress', 'Egress'],
          ingress: ingressRules(args),
          egress: pulumi
            .all([...args.reachable])
            .apply((services) => [toDns, toInternet(internetPorts), ...services.flat().map(toService)]),
        },
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

function ingressRules(args: SiteNetworkArgs) {
  const { controllerNamespace, monitoringNamespace, platformNamespace, port, probePort } = args;
  const worker = platformLabels('platform-worker');
  return [
    letIn(namespaceOf(controllerNamespace), port),
    ...(monitoringNamespace === undefined ? [] : [letIn(namespaceOf(monitoringNamespace), probePort)]),
    ...(platformNamespace === undefined ? [] : [letIn(namespaceOf(platformNamespace), probePort, worker)]),
  ];
}
