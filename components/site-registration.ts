import * as pulumi from '@pulumi/pulumi';
import type { DatabaseStrategy } from '../sites/naming.ts';
import type { Site } from '../sites/schema.ts';
import { RegistrationResource } from './fleet-resources.ts';
import type { PostgresAccess } from './postgres-access.ts';

/** The platform's database, where it is switched on. */
export interface PlatformDatabaseAccess {
  readonly database: string;
  readonly cluster: PostgresAccess;
  /** What makes its tables, where it is in this stack. */
  readonly tables?: pulumi.Resource;
}

export interface SiteRegistrationArgs {
  readonly site: Site;
  readonly url: string;
  readonly strategy: DatabaseStrategy;
  /** Name of the cluster of the site's data; none for SQLite. */
  readonly clusterName: string | undefined;
  readonly stack: string;
  readonly platform: PlatformDatabaseAccess;
  /** The site's pods: the platform visits what is registered, and is told of a site once it answers. */
  readonly workload: pulumi.Resource;
}

/** The site's row in the platform's database, which marks it as gone when its YAML goes and deletes nothing. */
export class SiteRegistration extends pulumi.ComponentResource {
  constructor(name: string, args: SiteRegistrationArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteRegistration', name, {}, options);
    const { site, platform } = args;
    new RegistrationResource(
      `${name}-row`,
      {
        slug: site.slug,
        creator: site.creator,
        title: site.title,
        url: args.url,
        domains: site.domains,
        plan: site.plan,
        state: site.state,
        strategy: args.strategy,
        stack: args.stack,
        database: platform.database,
        admin: pulumi.secret({ ...platform.cluster.admin, ssl: platform.cluster.ssl }),
        ...(args.clusterName === undefined ? {} : { cluster: args.clusterName }),
      },
      { parent: this, dependsOn: [args.workload, ...(platform.tables === undefined ? [] : [platform.tables])] },
    );
    this.registerOutputs({});
  }
}
