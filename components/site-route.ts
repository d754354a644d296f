import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { IngressAccess } from './ingress.ts';
import { siteLabels } from './labels.ts';
import {
  createHttpRoute,
  createIngress,
  createTlsGateway,
  type RouteBackend,
  type RouteMetadata,
  redirectedToHttps,
  servedBy,
} from './route.ts';

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
    if (ingress.issuer !== undefined) {
      createTlsGateway(`${name}-gateway`, metadataOf('ghost', args), domains, ingress, ingress.issuer, this);
    }
    const parents = secure ? [{ ...shared, sectionName: 'https' }, { name: 'ghost' }] : [shared];
    const hosts = [canonical, args.platformHost];
    createHttpRoute(`${name}-route`, metadataOf('ghost', args), parents, hosts, servedBy(backendOf(args)), this);
    if (aliases.length > 0) {
      const redirect = { scheme: schemeOf(ingress), hostname: canonical, statusCode: 301, ...portOf(ingress) };
      const rule = { filters: [{ type: 'RequestRedirect', requestRedirect: redirect }] };
      const from = secure ? [{ name: 'ghost' }] : [shared];
      createHttpRoute(`${name}-aliases`, metadataOf('ghost-aliases', args), from, aliases, rule, this);
    }
    if (secure) {
      const insecure = [{ ...shared, sectionName: 'http' }];
      const all = [...domains, args.platformHost];
      createHttpRoute(`${name}-http`, metadataOf('ghost-http', args), insecure, all, redirectedToHttps, this);
    }
  }

  #createIngresses(name: string, args: SiteRouteArgs): void {
    const { ingress, domains } = args;
    const [canonical = '', ...aliases] = domains;
    const hosts = [canonical, args.platformHost];
    createIngress(`${name}-route`, metadataOf('ghost', args), hosts, backendOf(args), ingress, this);
    if (aliases.length === 0) return;
    const target = siteUrl(canonical, ingress);
    if (ingress.controller === 'traefik') this.#createRedirect(name, args, target);
    const annotations: Record<string, pulumi.Input<string>> = ingress.controller === 'traefik'
      ? {
          'traefik.ingress.kubernetes.io/router.middlewares': pulumi.interpolate`${args.namespace}-canonical@kubernetescrd`,
        }
      : { 'nginx.ingress.kubernetes.io/permanent-redirect': `${target}$request_uri` };
    const metadata = metadataOf('ghost-aliases', args);
    createIngress(`${name}-aliases`, metadata, aliases, backendOf(args), ingress, this, annotations);
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

function metadataOf(name: string, { namespace, slug }: SiteRouteArgs): RouteMetadata {
  return { name, namespace, labels: siteLabels(slug) };
}

function backendOf({ serviceName, servicePort }: SiteRouteArgs): RouteBackend {
  return { name: serviceName, port: servicePort };
}

function schemeOf(ingress: IngressAccess): 'http' | 'https' {
  return ingress.issuer === undefined ? 'http' : 'https';
}

function portOf({ publicPort }: IngressAccess): { port?: number } {
  return publicPort === undefined ? {} : { port: publicPort };
}
