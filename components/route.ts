import * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';
import type { IngressAccess } from './ingress.ts';

/** What a route is called, where it lies and whose it is. */
export interface RouteMetadata {
  readonly name: string;
  readonly namespace: pulumi.Input<string>;
  readonly labels: Readonly<Record<string, string>>;
}

/** The port of a Service that requests are brought to. */
export interface RouteBackend {
  readonly name: pulumi.Input<string>;
  readonly port: number;
}

/** Makes a Gateway with a listener for each host; cert-manager reads its annotation and writes a certificate for each. */
export function createTlsGateway(
  name: string,
  metadata: RouteMetadata,
  hosts: readonly string[],
  { className, httpsPort }: IngressAccess,
  issuer: string,
  parent: pulumi.Resource,
): void {
  new k8s.apiextensions.CustomResource(
    name,
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { ...metadata, annotations: { 'cert-manager.io/cluster-issuer': issuer } },
      spec: {
        gatewayClassName: className,
        listeners: hosts.map((hostname, index) => ({
          name: `domain-${index}`,
          protocol: 'HTTPS',
          port: httpsPort,
          hostname,
          tls: { mode: 'Terminate', certificateRefs: [{ name: `domain-${index}-tls` }] },
          allowedRoutes: { namespaces: { from: 'Same' } },
        })),
      },
    },
    { parent },
  );
}

/**
 * Makes a route of the Gateway API.
 *
 * @param rule what becomes of requests for any path
 */
export function createHttpRoute(
  name: string,
  metadata: RouteMetadata,
  parentRefs: readonly object[],
  hostnames: readonly string[],
  rule: object,
  parent: pulumi.Resource,
): void {
  new k8s.apiextensions.CustomResource(
    name,
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata,
      spec: { parentRefs, hostnames, rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }], ...rule }] },
    },
    { parent },
  );
}

/** What brings requests to a Service, as a rule of an HTTPRoute. */
export function servedBy(backend: RouteBackend): object {
  return { backendRefs: [backend] };
}

/** What brings requests that came by HTTP back by HTTPS, as a rule of an HTTPRoute. */
export const redirectedToHttps: object = {
  filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }],
};

/** Makes an Ingress for hosts, with a certificate for them where an issuer is named. */
export function createIngress(
  name: string,
  metadata: RouteMetadata,
  hosts: readonly string[],
  { name: service, port }: RouteBackend,
  { className, issuer }: IngressAccess,
  parent: pulumi.Resource,
  annotations: Readonly<Record<string, pulumi.Input<string>>> = {},
): void {
  const secure: Record<string, string> = issuer === undefined ? {} : { 'cert-manager.io/cluster-issuer': issuer };
  const backend = { service: { name: service, port: { number: port } } };
  new k8s.networking.v1.Ingress(
    name,
    {
      metadata: { ...metadata, annotations: { ...secure, ...annotations } },
      spec: {
        ingressClassName: className,
        rules: hosts.map((host) => ({ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } })),
        ...(issuer === undefined ? {} : { tls: [{ hosts: [...hosts], secretName: `${metadata.name}-tls` }] }),
      },
    },
    { parent },
  );
}
