import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { namespaceNameLabel, platformLabels, siteLabels } from './labels.ts';
import type { Reachable } from './postgres-access.ts';

/** Networks that are nobody's business outside: neighbours, nodes, the cloud's metadata service. */
const privateNetworks = {
  v4: ['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  v6: ['::1/128', 'fc00::/7', 'fe80::/10', 'fd00:ec2::254/128'],
} as const;

/** What a site may open on the internet: webhooks, oEmbed, mail. */
const internetPorts = [80, 443, 25, 465, 587, 2525] as const;

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
          egress: pulumi.all([...args.reachable]).apply((services) => egressRules(services.flat())),
        },
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

function ingressRules(args: SiteNetworkArgs): k8s.types.input.networking.v1.NetworkPolicyIngressRule[] {
  const from = (namespace: string, port: number, pods?: Record<string, string>) => ({
    from: [
      {
        namespaceSelector: { matchLabels: { [namespaceNameLabel]: namespace } },
        ...(pods && { podSelector: { matchLabels: pods } }),
      },
    ],
    ports: [tcp(port)],
  });
  const { controllerNamespace, monitoringNamespace, platformNamespace, port, probePort } = args;
  const worker = platformLabels('platform-worker');
  return [
    from(controllerNamespace, port),
    ...(monitoringNamespace === undefined ? [] : [from(monitoringNamespace, probePort)]),
    ...(platformNamespace === undefined ? [] : [from(platformNamespace, probePort, worker)]),
  ];
}

function egressRules(services: readonly Reachable[]): k8s.types.input.networking.v1.NetworkPolicyEgressRule[] {
  const dns = {
    to: [{ namespaceSelector: { matchLabels: { [namespaceNameLabel]: 'kube-system' } } }],
    ports: [
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ],
  };
  const internet = {
    to: [
      { ipBlock: { cidr: '0.0.0.0/0', except: [...privateNetworks.v4] } },
      { ipBlock: { cidr: '::/0', except: [...privateNetworks.v6] } },
    ],
    ports: internetPorts.map(tcp),
  };
  return [dns, internet, ...services.map(serviceRule)];
}

function serviceRule({ cidrs = [], pods, ports }: Reachable): k8s.types.input.networking.v1.NetworkPolicyEgressRule {
  const inside = pods && {
    namespaceSelector: { matchLabels: { [namespaceNameLabel]: pods.namespace } },
    podSelector: { matchLabels: { ...pods.labels } },
  };
  return { to: [...cidrs.map((cidr) => ({ ipBlock: { cidr } })), ...(inside ? [inside] : [])], ports: ports.map(tcp) };
}

function tcp(port: number) {
  return { protocol: 'TCP', port };
}
