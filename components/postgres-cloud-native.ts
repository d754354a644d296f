import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { platformLabels } from './labels.ts';
import { createPassword } from './password.ts';
import { type PoolerBudget, poolerSettings } from './pooler.ts';
import type { Endpoint, Reachable } from './postgres-access.ts';

/** What reaches the bucket of the backups. */
export interface BackupKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Where base backups and WAL of a cluster go. */
export interface CloudNativeBackup {
  readonly destinationPath: string;
  readonly endpoint?: string | undefined;
  /** Folder there. @default the cluster's name */
  readonly serverName?: string | undefined;
  readonly keys: pulumi.Input<BackupKeys>;
}

export interface CloudNativeArgs {
  readonly kind: 'cloudnative-pg';
  /** One primary, the others replicas. */
  readonly instances: number;
  readonly storageGiB: number;
  readonly storageClass: string | undefined;
  readonly postgresVersion: number;
  readonly backupRetentionDays: number;
  /** Where base backups and WAL go; without one there is no point-in-time recovery. */
  readonly backup: CloudNativeBackup | undefined;
  /** Backups that the cluster is made from, from the same place; `targetTime` as RFC 3339 has it. */
  readonly recovery?: { readonly serverName: string; readonly targetTime?: string | undefined } | undefined;
  readonly directConnections: number;
}

interface CloudNativeServerArgs extends CloudNativeArgs {
  readonly namespace: pulumi.Input<string>;
  readonly namespaceName: string;
  readonly pooler: {
    readonly role: string;
    readonly password: pulumi.Input<string>;
    readonly budget: PoolerBudget;
  };
}

const port = 5432;
const apiVersion = 'postgresql.cnpg.io/v1';

/**
 * PostgreSQL by the operator CloudNativePG (CRDs and operator from https://cloudnative-pg.io), with its own pooler. Where it
 * has replicas, one that runs has what a transaction wrote before its COMMIT is answered, so that a failover loses nothing.
 */
export class CloudNativeServer extends pulumi.ComponentResource {
  readonly endpoint: Endpoint;
  readonly ssl = 'require';
  readonly admin: { readonly user: string; readonly password: pulumi.Output<string> };
  readonly reachable: Reachable;
  readonly pooler: { readonly endpoint: Endpoint; readonly reachable: Reachable };

  constructor(name: string, args: CloudNativeServerArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:CloudNativeServer', name, {}, options);
    const password = createPassword(`${name}-admin-password`, this);
    this.admin = { user: 'postgres', password };
    const superuser = this.#createLogin(name, 'superuser', args, this.admin.user, password);
    // Not `<cluster>-pooler`: the operator keeps the certificate of its own pooler's role in a Secret of that name.
    const lookup = this.#createLogin(name, 'pooler-login', args, args.pooler.role, args.pooler.password);

    this.#createCluster(name, args, superuser, lookup);
    this.#createPooler(name, args);

    const hostOf = (service: string) => pulumi.interpolate`${service}.${args.namespace}.svc.cluster.local`;
    const pods = (labels: Record<string, string>) => ({
      pods: { namespace: args.namespaceName, labels },
      ports: [port],
    });
    this.endpoint = { host: hostOf(`${name}-rw`), port };
    this.reachable = pods({ 'cnpg.io/cluster': name });
    const endpoint = { host: hostOf(`${name}-pooler`), port };
    this.pooler = { endpoint, reachable: pods({ 'cnpg.io/poolerName': `${name}-pooler` }) };
    this.registerOutputs({ host: this.endpoint.host });
  }

  #createLogin(
    name: string,
    role: string,
    args: CloudNativeServerArgs,
    username: string,
    password: pulumi.Input<string>,
  ): k8s.core.v1.Secret {
    return new k8s.core.v1.Secret(
      `${name}-${role}`,
      {
        metadata: { name: `${name}-${role}`, namespace: args.namespace, labels: platformLabels('postgres') },
        type: 'kubernetes.io/basic-auth',
        stringData: pulumi.secret({ username, password }),
      },
      { parent: this },
    );
  }

  #createCluster(
    name: string,
    args: CloudNativeServerArgs,
    superuser: k8s.core.v1.Secret,
    lookup: k8s.core.v1.Secret,
  ): void {
    const metadata = { namespace: args.namespace, labels: platformLabels('postgres') };
    const cluster = new k8s.apiextensions.CustomResource(
      `${name}-cluster`,
      {
        apiVersion,
        kind: 'Cluster',
        metadata: { ...metadata, name },
        spec: {
          instances: args.instances,
          imageName: `ghcr.io/cloudnative-pg/postgresql:${args.postgresVersion}`,
          storage: { size: `${args.storageGiB}Gi`, ...(args.storageClass && { storageClass: args.storageClass }) },
          enableSuperuserAccess: true,
          superuserSecret: { name: superuser.metadata.name },
          managed: {
            roles: [
              {
                name: args.pooler.role,
                ensure: 'present',
                login: true,
                passwordSecret: { name: lookup.metadata.name },
              },
            ],
          },
          postgresql: {
            // One of them is enough, and a primary that is alone goes on.
            ...(args.instances > 1 && { synchronous: { method: 'any', number: 1, dataDurability: 'preferred' } }),
            parameters: {
              max_connections: String(args.pooler.budget.serverConnections + args.directConnections),
              log_min_duration_statement: '1000',
              log_lock_waits: 'on',
              idle_in_transaction_session_timeout: '60s',
            },
          },
          resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '4', memory: '4Gi' } },
          monitoring: { enablePodMonitor: false },
          ...(args.backup && this.#createBackup(name, args, args.backup)),
        },
      },
      { parent: this, protect: true, retainOnDelete: true },
    );
    if (args.backup === undefined) return;
    new k8s.apiextensions.CustomResource(
      `${name}-backups`,
      {
        apiVersion,
        kind: 'ScheduledBackup',
        metadata: { ...metadata, name },
        // Six fields: the first are seconds.
        spec: { schedule: '0 30 2 * * *', cluster: { name }, backupOwnerReference: 'none', immediate: true },
      },
      { parent: this, dependsOn: [cluster] },
    );
  }

  /** What a cluster is told of the place of backups: where its own go, and what it is made from. */
  #createBackup(name: string, args: CloudNativeServerArgs, backup: CloudNativeBackup): object {
    const { destinationPath, endpoint, serverName = name } = backup;
    const keys = pulumi.output(backup.keys);
    const secret = new k8s.core.v1.Secret(
      `${name}-backup-keys`,
      {
        metadata: { name: `${name}-backup`, namespace: args.namespace, labels: platformLabels('postgres') },
        stringData: pulumi.secret({
          ACCESS_KEY_ID: keys.accessKeyId,
          ACCESS_SECRET_KEY: keys.secretAccessKey,
        }),
      },
      { parent: this },
    );
    const store = (folder: string) => ({
      destinationPath,
      serverName: folder,
      ...(endpoint && { endpointURL: endpoint }),
      wal: { compression: 'gzip' },
      data: { compression: 'gzip' },
      s3Credentials: {
        accessKeyId: { name: secret.metadata.name, key: 'ACCESS_KEY_ID' },
        secretAccessKey: { name: secret.metadata.name, key: 'ACCESS_SECRET_KEY' },
      },
    });
    const own = { retentionPolicy: `${args.backupRetentionDays}d`, barmanObjectStore: store(serverName) };
    if (args.recovery === undefined) return { backup: own };
    const { serverName: source, targetTime } = args.recovery;
    return {
      backup: own,
      bootstrap: { recovery: { source, ...(targetTime && { recoveryTarget: { targetTime } }) } },
      externalClusters: [{ name: source, barmanObjectStore: store(source) }],
    };
  }

  /**
   * It looks passwords up as the operator arranges it, as a role and by a function of the operator's own: the operator has
   * PgBouncer ask in the database `postgres` and nowhere else, and sites' own tables are not there.
   */
  #createPooler(name: string, args: CloudNativeServerArgs): void {
    const { budget } = args.pooler;
    const { pool_mode: poolMode, ...settings } = poolerSettings(budget);
    new k8s.apiextensions.CustomResource(
      `${name}-pooler`,
      {
        apiVersion,
        kind: 'Pooler',
        metadata: { name: `${name}-pooler`, namespace: args.namespace, labels: platformLabels('postgres') },
        spec: {
          cluster: { name },
          instances: budget.replicas,
          type: 'rw',
          pgbouncer: {
            poolMode,
            parameters: Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, String(value)])),
          },
        },
      },
      { parent: this },
    );
  }
}
