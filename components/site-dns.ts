import * as pulumi from '@pulumi/pulumi';
import * as route53 from './aws/route53.ts';

export interface DnsZone {
  readonly domain: string;
  readonly zoneId: string;
}

export interface SiteDnsArgs {
  readonly domains: readonly string[];
  readonly zones: readonly DnsZone[];
  /** Name of the load balancer that the domains are to point at. */
  readonly target: pulumi.Input<string>;
  /** Hosts that a wildcard record of the platform covers already. */
  readonly baseDomain: string;
}

/** Records for those of a site's domains whose zone is ours; the creator sets the others where they bought them. */
export class SiteDns extends pulumi.ComponentResource {
  constructor(name: string, args: SiteDnsArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteDns', name, {}, options);
    for (const { domain, zone } of ownedDomains(args.domains, args.zones)) {
      if (domain.endsWith(`.${args.baseDomain}`)) continue;
      new route53.Record(
        // A domain belongs to one site only; a slug before it could make two names meet.
        domain,
        { zoneId: zone.zoneId, name: domain, type: 'CNAME', ttl: 300, records: [args.target] },
        { parent: this },
      );
    }
    this.registerOutputs({});
  }
}

/**
 * Domains that lie in one of the zones, with the most specific zone of each. A zone's own name is left out: DNS allows no
 * CNAME there.
 */
export function ownedDomains(
  domains: readonly string[],
  zones: readonly DnsZone[],
): { readonly domain: string; readonly zone: DnsZone }[] {
  const byLength = [...zones].sort((a, b) => b.domain.length - a.domain.length);
  return domains.flatMap((domain) => {
    const zone = byLength.find((candidate) => domain.endsWith(`.${candidate.domain}`));
    return zone === undefined ? [] : [{ domain, zone }];
  });
}
