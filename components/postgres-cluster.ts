import * as pulumi from '@pulumi/pulumi';
import { RoleResource } from './fleet-resources.ts';
import { createPassword } from './password.ts';
import { Pooler, type PoolerBudget } from './pooler.ts';
import type { Endpoint, PostgresAccess, Reachable } from './postgres-access.ts';
import { type CloudNativeArgs, CloudNativeServer } from './postgres-cloud-native.ts';
import { type RdsArgs, RdsServer } from './postgres-rds.ts';

/** A server that is there already. */
export interface ExternalArgs {
  readonly kind: 'external';
  readonly host: string;
  readonly port: number;
  readonly adminUser: string;
  readonly adminPassword: pulumi.Input<string>;
  readonly ssl: 'off' | 'require' | 'verify';
  /** Networks in which it answers. */
  readonly cidrs: readonly string[];
}

export type ServerArgs = ExternalArgs | RdsArgs | CloudNativeArgs;

export interface PostgresClusterArgs {
  readonly server: ServerArgs;
  /** Namespace of the platform, where the pooler runs. */
  readonly namespace: pulumi.Input<string>;
  readonly namespaceName: string;
  readonly poolerImage: string;
  readonly budget: PoolerBudget;
  /** How the machine that runs Pulumi reaches the server. @default where the sites reach it */
  readonly admin?: { readonly host: string; readonly port: number } | undefined;
}

/** What each kind of server has to say for itself. */
export interface PostgresServer {
  readonly endpoint: Endpoint;
  readonly ssl: 'off' | 'require' | 'verify';
  readonly admin: { readonly user: string; readonly password: pulumi.Input<string> };
  readonly reachable: Reachable;
  /** A pooler that the server's operator runs. */
  readonly pooler?: { readonly endpoint: Endpoint; readonly reachable: Reachable };
}

/** Role with which poolers look passwords up; it sees nothing but those. */
export const poolerRole = 'pgbouncer';

/**
 * A PostgreSQL cluster for the sites of a region, with a transaction pooler in front of it whoever runs it: a server that
 * is there (`external`), Amazon RDS (`rds`), or the operator CloudNativePG (`cloudnative-pg`).
 */
export class PostgresCluster extends pulumi.ComponentResource implements PostgresAccess {
  readonly name: string;
  readonly pooler: Endpoint;
  readonly direct: Endpoint;
  readonly ssl: 'off' | 'require' | 'verify';
  readonly admin: PostgresAccess['admin'];
  readonly poolerRole: pulumi.Input<string>;
  readonly reachable: readonly Reachable[];

  constructor(name: string, args: PostgresClusterArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:PostgresCluster', name, {}, options);
    const rolePassword = createPassword(`${name}-pooler-password`, this);
    const server = this.#createServer(name, args, rolePassword);

    this.name = name;
    this.direct = server.endpoint;
    this.ssl = server.ssl;
    this.admin = { ...(args.admin ?? server.endpoint), ...server.admin };
    const pooler =
      server.pooler === undefined
        ? this.#createPooler(name, args, server, rolePassword)
        : { ...server.pooler, role: poolerRole };
    this.pooler = pooler.endpoint;
    this.poolerRole = pooler.role;
    this.reachable = [pooler.reachable, server.reachable];
    this.registerOutputs({ host: this.direct.host, pooler: this.pooler.host });
  }

  #createServer(name: string, args: PostgresClusterArgs, rolePassword: pulumi.Output<string>): PostgresServer {
    const { server } = args;
    const { namespace, namespaceName, budget } = args;
    switch (server.kind) {
      case 'external':
        return {
          endpoint: { host: server.host, port: server.port },
          ssl: server.ssl,
          admin: { user: server.adminUser, password: server.adminPassword },
          reachable: { cidrs: server.cidrs, ports: [server.port] },
        };
      case 'rds':
        return new RdsServer(name, { ...server, budget }, { parent: this });
      case 'cloudnative-pg': {
        const pooler = { role: poolerRole, password: rolePassword, budget };
        return new CloudNativeServer(name, { ...server, namespace, namespaceName, pooler }, { parent: this });
      }
    }
  }

  #createPooler(name: string, args: PostgresClusterArgs, server: PostgresServer, password: pulumi.Output<string>) {
    const role = new RoleResource(
      `${name}-pooler-role`,
      {
        name: poolerRole,
        password,
        connectionLimit: args.budget.replicas * 50,
        admin: pulumi.secret({ ...this.admin, ssl: server.ssl }),
      },
      // Shared by every site of the cluster, in shards that this stack does not see.
      { parent: this, protect: true, retainOnDelete: true },
    );
    const { endpoint, reachable } = new Pooler(
      name,
      {
        namespace: args.namespace,
        namespaceName: args.namespaceName,
        image: args.poolerImage,
        server: server.endpoint,
        serverReachable: server.reachable,
        ssl: server.ssl,
        role: { name: poolerRole, password },
        budget: args.budget,
      },
      { parent: this, dependsOn: [role] },
    );
    // As an output: who grants it something waits for it.
    return { endpoint, reachable, role: role.name };
  }
}
