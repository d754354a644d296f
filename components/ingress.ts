import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import * as route53 from './aws/route53.ts';
import { platformLabels, routesAllowed } from './labels.ts';
import { type DnsZone, ownedDomains } from './site-dns.ts';

/** How sites are reached from outside, as far as their routes have to know. */
export interface IngressAccess {
  readonly kind: 'gateway' | 'ingress';
  readonly className: string;
  readonly controller: 'traefik' | 'nginx';
  readonly controllerNamespace: string;
  /** The platform's Gateway, where `kind` is `gateway`. */
  readonly gateway: { readonly name: string; readonly namespace: string };
  /** Ports of the listeners, which have to be those of the controller. */
  readonly httpPort: number;
  readonly httpsPort: number;
  /** cert-manager's ClusterIssuer of the sites' own domains; HTTP where there is none. */
  readonly issuer: string | undefined;
  /** Port in URLs where it is not that of the scheme. */
  readonly publicPort: number | undefined;
}

export interface IngressArgs extends IngressAccess {
  readonly namespace: pulumi.Input<string>;
  readonly baseDomain: string;
  /** ClusterIssuer that can prove a wildcard (DNS-01). */
  readonly wildcardIssuer: string | undefined;
  /** Zones of Route 53, and the load balancer that `*.<base domain>` is to point at. */
  readonly dns: { readonly zones: readonly DnsZone[]; readonly target: pulumi.Input<string> } | undefined;
}

/**
 * The door of the fleet: a Gateway for all hosts by HTTP and for `*.<base domain>` by HTTPS, which takes routes from the
 * namespaces of sites only. With `kind: ingress` each site brings an Ingress and nothing is shared but the certificate.
 * The controller itself (Traefik by default) is the cluster's: its Helm chart, or `npm run cluster`.
 */
export class Ingress extends pulumi.ComponentResource {
  constructor(name: string, args: IngressArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:Ingress', name, {}, options);
    const labels = platformLabels('ingress');
    const secretName = 'wildcard-tls';
    if (args.wildcardIssuer !== undefined) {
      new k8s.apiextensions.CustomResource(
        `${name}-wildcard`,
        {
          apiVersion: 'cert-manager.io/v1',
          kind: 'Certificate',
          metadata: { name: 'wildcard', namespace: args.namespace, labels },
          spec: {
            secretName,
            dnsNames: [`*.${args.baseDomain}`],
            issuerRef: { kind: 'ClusterIssuer', name: args.wildcardIssuer },
          },
        },
        { parent: this },
      );
    }
    if (args.kind === 'gateway') {
      const tls = args.wildcardIssuer === undefined ? [] : [wildcardListener(args, secretName)];
      new k8s.apiextensions.CustomResource(
        `${name}-gateway`,
        {
          apiVersion: 'gateway.networking.k8s.io/v1',
          kind: 'Gateway',
          metadata: { name: args.gateway.name, namespace: args.namespace, labels },
          spec: { gatewayClassName: args.className, listeners: [httpListener(args), ...tls] },
        },
        { parent: this },
      );
    }
    for (const { domain, zone } of ownedDomains([`*.${args.baseDomain}`], args.dns?.zones ?? [])) {
      new route53.Record(
        `${name}-wildcard-record`,
        { zoneId: zone.zoneId, name: domain, type: 'CNAME', ttl: 300, records: [args.dns?.target ?? ''] },
        { parent: this },
      );
    }
    this.registerOutputs({});
  }
}

function httpListener(args: IngressArgs) {
  return { name: 'http', protocol: 'HTTP', port: args.httpPort, allowedRoutes: fromSites };
}

function wildcardListener(args: IngressArgs, secretName: string) {
  return {
    name: 'https',
    protocol: 'HTTPS',
    port: args.httpsPort,
    hostname: `*.${args.baseDomain}`,
    tls: { mode: 'Terminate', certificateRefs: [{ name: secretName }] },
    allowedRoutes: fromSites,
  };
}

const fromSites = { namespaces: { from: 'Selector', selector: { matchLabels: routesAllowed } } };
