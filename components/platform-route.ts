import * as pulumi from '@pulumi/pulumi';
import type { IngressAccess } from './ingress.ts';
import { platformLabels } from './labels.ts';
import {
  createHttpRoute,
  createIngress,
  createTlsGateway,
  type RouteBackend,
  redirectedToHttps,
  servedBy,
} from './route.ts';

export interface PlatformRouteArgs {
  readonly namespace: pulumi.Input<string>;
  readonly host: string;
  readonly ingress: IngressAccess;
  readonly backend: RouteBackend;
}

/**
 * Brings the dashboard's host to its Service: by HTTPS alone wherever certificates are issued, with one of its own, so that
 * it may lie outside of the sites' base domain.
 */
export class PlatformRoute extends pulumi.ComponentResource {
  constructor(name: string, args: PlatformRouteArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:PlatformRoute', name, {}, options);
    const { namespace, ingress, backend } = args;
    const metadata = { name: 'platform', namespace, labels: platformLabels('platform-api') };
    const hosts = [args.host];
    if (ingress.kind === 'ingress') {
      createIngress(`${name}-route`, metadata, hosts, backend, ingress, this);
    } else if (ingress.issuer === undefined) {
      createHttpRoute(`${name}-route`, metadata, [ingress.gateway], hosts, servedBy(backend), this);
    } else {
      createTlsGateway(`${name}-gateway`, metadata, hosts, ingress, ingress.issuer, this);
      createHttpRoute(`${name}-route`, metadata, [{ name: metadata.name }], hosts, servedBy(backend), this);
      const insecure = [{ ...ingress.gateway, sectionName: 'http' }];
      createHttpRoute(`${name}-http`, { ...metadata, name: 'platform-http' }, insecure, hosts, redirectedToHttps, this);
    }
    this.registerOutputs({});
  }
}
