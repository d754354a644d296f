import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { everySite, platformLabels } from './labels.ts';
import {
  type EgressRule,
  type IngressRule,
  letIn,
  letOut,
  mailPorts,
  namespaceOf,
  toDns,
  toInternet,
  toService,
} from './network-rules.ts';
import type { Reachable } from './postgres-access.ts';

type Reachables = pulumi.Input<readonly Reachable[]>;
export interface PlatformNetworkArgs {
  readonly namespace: pulumi.Input<string>;
  /** Namespace of the ingress controller: nobody else opens the API's port. */
  readonly controllerNamespace: string;
  /** Namespace of Prometheus, which reads the metrics of API and worker. */
  readonly monitoringNamespace: string | undefined;
  readonly port: number;
  /** Port of their probes and metrics. */
  readonly probePort: number;
  /** Port of the sites that the worker asks for their numbers. */
  readonly siteProbePort: number;
  /** The platform's own database. */
  readonly database: Reachables;
  /** Databases of the sites. */
  readonly siteDatabases: readonly Reachables[];
  /** Redis, and mail servers, OpenID providers and repositories that are not on the internet. */
  readonly services: readonly Reachables[];
  /** Ports on the internet beside those of HTTPS and mail. */
  readonly internetPorts: readonly number[];
}

/**
 * Denies the platform's pods all that is not theirs. API: opened by the ingress controller; worker and migration: by
 * nobody. Prometheus reads metrics. All reach DNS and the platform's database; API and worker Redis and, on the internet, mail servers and who
 * answers by HTTPS (payments, OpenID, the registry's repository); the worker the sites' databases and probe ports. Private networks, and with them the
 * cloud's metadata service, are left out of the internet.
 */
export class PlatformNetwork extends pulumi.ComponentResource {
  constructor(name: string, args: PlatformNetworkArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:PlatformNetwork', name, {}, options);
    const { database, siteDatabases, services, controllerNamespace, port } = args;
    const internet = toInternet([...new Set([443, ...mailPorts, ...args.internetPorts])]);
    const { monitoringNamespace } = args;
    const watched = monitoringNamespace === undefined ? [] : [letIn(namespaceOf(monitoringNamespace), args.probePort)];
    const toSites = letOut(everySite, args.siteProbePort, everySite);
    this.#fence(
      name,
      'api',
      args,
      [letIn(namespaceOf(controllerNamespace), port), ...watched],
      [internet],
      [database, ...services],
    );
    this.#fence(name, 'worker', args, watched, [internet, toSites], [database, ...siteDatabases, ...services]);
    this.#fence(name, 'migration', args, [], [], [database]);
    this.registerOutputs({});
  }

  #fence(
    name: string,
    role: 'api' | 'worker' | 'migration',
    { namespace }: PlatformNetworkArgs,
    ingress: IngressRule[],
    egress: EgressRule[],
    services: readonly Reachables[],
  ): void {
    const labels = platformLabels(`platform-${role}`);
    new k8s.networking.v1.NetworkPolicy(
      `${name}-${role}-policy`,
      {
        metadata: { name: `platform-${role}`, namespace, labels },
        spec: {
          podSelector: { matchLabels: labels },
          policyTypes: ['Ingress', 'Egress'],
          // Kubernetes drops an empty list, which would be a difference at every refresh; none is let in without it, too.
          ...(ingress.length > 0 && { ingress }),
          egress: pulumi.all([...services]).apply((found) => [toDns, ...egress, ...withoutRepeats(found.flat())]),
        },
      },
      { parent: this },
    );
  }
}

/** Rules for services, each once: the platform's database may be among the sites'. */
function withoutRepeats(services: readonly Reachable[]): EgressRule[] {
  const rules = services.map(toService);
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()];
}
