import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { IngressAccess } from './ingress.ts';
import { siteLabels } from './labels.ts';

export interface SiteRouteArgs {
  readonly slug: string;
  readonly namespace: pulumi.Input<string>;
  /** The site's own domains, the canonical one first. */
  readonly domains: readonly string[];
  /** `<slug>.<base domain>`, which always answers. */
  readonly platformHost: string;
  readonly ingress: IngressAccess;
  readonly serviceName: pulumi.Input<string>;
  readonly servicePort: number;
}

/** The site's canonical URL, as Ghost is told it: its first domain, by HTTPS wherever certificates are issued. */
export function siteUrl(canonical: string, ingress: IngressAccess): string {
  const port = ingress.publicPort === undefined ? '' : `:${ingress.publicPort}`;
  return `${schemeOf(ingress)}://${canonical}${port}`;
}

/** Brings a site's hosts to its Service: the canonical one and the platform's serve it, the others redirect. */
export class SiteRoute extends pulumi.ComponentResource {
  constructor(name: string, args: SiteRouteArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteRoute', name, {}, options);
    if (args.ingress.kind === 'gateway') this.#createGatewayRoutes(name, args);
    else this.#createIngresses(name, args);
    this.registerOutputs({});
  }

  #createGatewayRoutes(name: string, args: SiteRouteArgs): void {
    const { ingress, domains } = args;
    const [canonical = '', ...aliases] = domains;
    const shared = { name: ingress.gateway.name, namespace: ingress.gateway.namespace };
    const secure = ingress.issuer !== undefined;
    // A Gateway takes 64 listeners, so certificates of the sites' own domains hang on a Gateway of their own.
    if (ingress.issuer !== undefined) this.#createGateway(name, args, ingress.issuer);
    const parents = secure ? [{ ...shared, sectionName: 'https' }, { name: 'ghost' }] : [shared];
    const serve = { backendRefs: [{ name: args.serviceName, port: args.servicePort }] };
    this.#createHttpRoute(`${name}-route`, 'ghost', args, parents, [canonical, args.platformHost], serve);
    if (aliases.length > 0) {
      const redirect = { scheme: schemeOf(ingress), hostname: canonical, statusCode: 301, ...portOf(ingress) };
      this.#createHttpRoute(
        `${name}-aliases`,
        'ghost-aliases',
        args,
        secure ? [{ name: 'ghost' }] : [shared],
        aliases,
        {
          filters: [{ type: 'RequestRedirect', requestRedirect: redirect }],
        },
      );
    }
    if (secure) {
      const hosts = [...domains, args.platformHost];
      this.#createHttpRoute(`${name}-http`, 'ghost-http', args, [{ ...shared, sectionName: 'http' }], hosts, {
        filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }],
      });
    }
  }

  /** cert-manager reads the annotation and writes a certificate for each listener. */
  #createGateway(name: string, args: SiteRouteArgs, issuer: string): void {
    new k8s.apiextensions.CustomResource(
      `${name}-gateway`,
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: {
          name: 'ghost',
          namespace: args.namespace,
          labels: siteLabels(args.slug),
          annotations: { 'cert-manager.io/cluster-issuer': issuer },
        },
        spec: {
          gatewayClassName: args.ingress.className,
          listeners: args.domains.map((hostname, index) => ({
            name: `domain-${index}`,
            protocol: 'HTTPS',
            port: args.ingress.httpsPort,
            hostname,
            tls: { mode: 'Terminate', certificateRefs: [{ name: `domain-${index}-tls` }] },
            allowedRoutes: { namespaces: { from: 'Same' } },
          })),
        },
      },
      { parent: this },
    );
  }

  #createHttpRoute(
    name: string,
    objectName: string,
    args: SiteRouteArgs,
    parentRefs: readonly object[],
    hostnames: readonly string[],
    rule: object,
  ): void {
    new k8s.apiextensions.CustomResource(
      name,
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        metadata: { name: objectName, namespace: args.namespace, labels: siteLabels(args.slug) },
        spec: { parentRefs, hostnames, rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }], ...rule }] },
      },
      { parent: this },
    );
  }

  #createIngresses(name: string, args: SiteRouteArgs): void {
    const [canonical = '', ...aliases] = args.domains;
    this.#createIngress(`${name}-route`, 'ghost', args, [canonical, args.platformHost], {});
    if (aliases.length === 0) return;
    const target = siteUrl(canonical, args.ingress);
    if (args.ingress.controller === 'traefik') this.#createRedirect(name, args, target);
    const annotations: Record<string, pulumi.Input<string>> = args.ingress.controller === 'traefik'
      ? {
          'traefik.ingress.kubernetes.io/router.middlewares': pulumi.interpolate`${args.namespace}-canonical@kubernetescrd`,
        }
      : { 'nginx.ingress.kubernetes.io/permanent-redirect': `${target}$request_uri` };
    this.#createIngress(`${name}-aliases`, 'ghost-aliases', args, aliases, annotations);
  }

  #createIngress(
    name: string,
    objectName: string,
    args: SiteRouteArgs,
    hosts: readonly string[],
    annotations: Readonly<Record<string, pulumi.Input<string>>>,
  ): void {
    const { issuer, className } = args.ingress;
    const secure: Record<string, string> = issuer === undefined ? {} : { 'cert-manager.io/cluster-issuer': issuer };
    const backend = { service: { name: args.serviceName, port: { number: args.servicePort } } };
    new k8s.networking.v1.Ingress(
      name,
      {
        metadata: {
          name: objectName,
          namespace: args.namespace,
          labels: siteLabels(args.slug),
          annotations: { ...secure, ...annotations },
        },
        spec: {
          ingressClassName: className,
          rules: hosts.map((host) => ({ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } })),
          ...(issuer === undefined ? {} : { tls: [{ hosts: [...hosts], secretName: `${objectName}-tls` }] }),
        },
      },
      { parent: this },
    );
  }

  /** Traefik's CRDs: https://doc.traefik.io/traefik/reference/dynamic-configuration/kubernetes-crd/ */
  #createRedirect(name: string, args: SiteRouteArgs, target: string): void {
    new k8s.apiextensions.CustomResource(
      `${name}-canonical`,
      {
        apiVersion: 'traefik.io/v1alpha1',
        kind: 'Middleware',
        metadata: { name: 'canonical', namespace: args.namespace, labels: siteLabels(args.slug) },
        // The expression eats the whole URL, so that a path cannot add to the host.
        spec: { redirectRegex: { regex: '^https?://[^/]+/?(.*)$', replacement: `${target}/\${1}`, permanent: true } },
      },
      { parent: this },
    );
  }
}

function schemeOf(ingress: IngressAccess): 'http' | 'https' {
  return ingress.issuer === undefined ? 'http' : 'https';
}

function portOf({ publicPort }: IngressAccess): { port?: number } {
  return publicPort === undefined ? {} : { port: publicPort };
}
