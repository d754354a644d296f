import * as pulumi from '@pulumi/pulumi';
import { type DatabaseStrategy, namesOf } from '../sites/naming.ts';
import type { Plan } from '../sites/plans.ts';
import { type Binding, createBindingSecret } from './binding.ts';
import { PlacementResource, SiteDatabaseResource } from './fleet-resources.ts';
import { createPassword } from './password.ts';
import type { PostgresAccess } from './postgres-access.ts';

export interface SiteDatabaseArgs {
  readonly slug: string;
  readonly namespace: pulumi.Input<string>;
  readonly strategy: DatabaseStrategy;
  readonly plan: Plan;
  /** Cluster of the database or schema; required unless the strategy is `sqlite`. */
  readonly cluster: PostgresAccess | undefined;
  /** Every cluster of the stack by name: where data of the site may lie already. */
  readonly clusters: Readonly<Record<string, PostgresAccess>>;
  /** Stack that the data belongs to. */
  readonly owner: string;
  /** Folder of the site's volume, where SQLite's file lies. */
  readonly contentPath: string;
  /** Password of the analytics role. @default a generated one, which nobody is told */
  readonly readerPassword?: pulumi.Input<string> | undefined;
}

/**
 * Where a site's data is: a file on its volume, a schema or a database, with a role that reaches nothing else and a
 * read-only role for analytics. Both outlive the site's YAML, and come back with it.
 */
export class SiteDatabase extends pulumi.ComponentResource {
  readonly binding: Binding;
  /** How ops call it: `postgres eu-1 ghost_site_aurora_letters`. */
  readonly location: pulumi.Output<string>;

  constructor(name: string, args: SiteDatabaseArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteDatabase', name, {}, options);
    const placement = this.#createPlacement(name, args);
    if (args.strategy === 'sqlite') {
      const file = `${args.contentPath}/${namesOf(args.slug).sqliteFile}`;
      this.binding = {
        // By the placement's word: where that is refused, no pod starts on an empty file.
        environment: { DATABASE_CLIENT: 'sqlite', DATABASE_STRATEGY: placement.strategy, DATABASE_FILENAME: file },
      };
      this.location = pulumi.output(`sqlite ${file}`);
    } else {
      const cluster = requireCluster(args);
      const database = this.#createDatabase(name, args, args.strategy, cluster, placement);
      this.binding = this.#bind(args, args.strategy, cluster, database);
      this.location = pulumi.interpolate`postgres ${cluster.name} ${database.resource.database} ${database.resource.schema}`;
    }
    this.registerOutputs({ location: this.location });
  }

  #createPlacement(name: string, { slug, strategy, cluster, owner, clusters }: SiteDatabaseArgs): PlacementResource {
    const servers = Object.entries(clusters).map(([key, { admin, ssl }]) => [key, { ...admin, ssl }]);
    return new PlacementResource(
      `${name}-placement`,
      {
        slug,
        strategy,
        owner,
        servers: pulumi.secret(Object.fromEntries(servers)),
        ...(strategy === 'sqlite' || cluster === undefined ? {} : { cluster: cluster.name }),
      },
      { parent: this },
    );
  }

  #createDatabase(
    name: string,
    args: SiteDatabaseArgs,
    strategy: 'schema' | 'database',
    cluster: PostgresAccess,
    placement: PlacementResource,
  ) {
    const password = createPassword(`${name}-password`, this);
    const readerPassword = args.readerPassword ?? createPassword(`${name}-reader`, this);
    const { connectionLimit, statementTimeoutMs } = args.plan.database;
    const resource = new SiteDatabaseResource(
      `${name}-database`,
      {
        slug: args.slug,
        strategy,
        cluster: cluster.name,
        owner: args.owner,
        connectionLimit,
        statementTimeoutMs,
        password: password,
        readerPassword: readerPassword,
        admin: pulumi.secret({ ...cluster.admin, ssl: cluster.ssl }),
        ...(cluster.poolerRole === undefined ? {} : { poolerRole: cluster.poolerRole }),
      },
      { parent: this, retainOnDelete: true, dependsOn: placement },
    );
    return { resource, password };
  }

  #bind(
    args: SiteDatabaseArgs,
    strategy: 'schema' | 'database',
    cluster: PostgresAccess,
    { resource, password }: { resource: SiteDatabaseResource; password: pulumi.Output<string> },
  ): Binding {
    const values = { DATABASE_PASSWORD: password };
    return {
      environment: {
        DATABASE_CLIENT: 'postgres',
        DATABASE_STRATEGY: strategy,
        DATABASE_HOST: cluster.pooler.host,
        DATABASE_PORT: pulumi.interpolate`${cluster.pooler.port}`,
        DATABASE_SSL: 'off',
        DATABASE_DIRECT_HOST: cluster.direct.host,
        DATABASE_DIRECT_PORT: pulumi.interpolate`${cluster.direct.port}`,
        DATABASE_DIRECT_SSL: cluster.ssl,
        DATABASE_NAME: resource.database,
        DATABASE_SCHEMA: resource.schema,
        DATABASE_USER: resource.user,
        DATABASE_POOL_MAX: String(args.plan.database.poolMax),
      },
      secret: createBindingSecret('database', args.slug, args.namespace, values, { parent: this }),
    };
  }
}

function requireCluster({ slug, strategy, cluster }: SiteDatabaseArgs): PostgresAccess {
  if (cluster !== undefined) return cluster;
  throw new Error(`site ${slug}: expected a cluster for the database strategy ${strategy}; got none`);
}
