import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { fingerprintOf } from './fingerprint.ts';
import { everyPod, everySite, platformLabels, wholePlatform } from './labels.ts';
import { letIn, namespaceOf, toDns, toService } from './network-rules.ts';
import { restrictedContainer, restrictedPod } from './pod-security.ts';
import type { Endpoint, Reachable } from './postgres-access.ts';

/** What the pooler may hold open, in numbers. */
export interface PoolerBudget {
  readonly replicas: number;
  /** Connections to the server of all replicas together. */
  readonly serverConnections: number;
  /** Server connections of one site on one replica at most. */
  readonly poolSize: number;
  /** Connections of sites that one replica accepts. */
  readonly clientConnections: number;
  readonly serverIdleSeconds: number;
}

export interface PoolerArgs {
  readonly namespace: pulumi.Input<string>;
  readonly namespaceName: string;
  readonly image: string;
  readonly server: Endpoint;
  /** Where the server answers, for the network policy. */
  readonly serverReachable: Reachable;
  readonly ssl: 'off' | 'require' | 'verify';
  /** Role that looks passwords up. */
  readonly role: { readonly name: string; readonly password: pulumi.Input<string> };
  readonly budget: PoolerBudget;
}

const port = 6432;
const configPath = '/etc/pgbouncer';

/** PgBouncer in front of a PostgreSQL server that brings no pooler of its own, for the pods of the sites and the platform alone. */
export class Pooler extends pulumi.ComponentResource {
  readonly endpoint: Endpoint;
  readonly reachable: Reachable;

  constructor(name: string, args: PoolerArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:Pooler', name, {}, options);
    const objectName = `pooler-${name}`;
    const labels = platformLabels(objectName);
    const metadata = { name: objectName, namespace: args.namespace, labels };
    const files = pulumi.secret({
      'pgbouncer.ini': pulumi
        .all([args.server.host, args.server.port])
        .apply(([host, serverPort]) => poolerConfig({ host, port: serverPort, ...args, role: args.role.name })),
      'userlist.txt': pulumi.interpolate`"${args.role.name}" "${args.role.password}"\n`,
    });
    const secret = new k8s.core.v1.Secret(`${name}-config`, { metadata, stringData: files }, { parent: this });
    // It reads them when it starts.
    const annotations = { 'ghost-fleet.dev/config': pulumi.jsonStringify(files).apply(fingerprintOf) };
    const service = new k8s.core.v1.Service(
      `${name}-service`,
      { metadata, spec: { selector: labels, ports: [{ name: 'postgres', port, targetPort: 'postgres' }] } },
      { parent: this },
    );
    new k8s.apps.v1.Deployment(
      `${name}-deployment`,
      {
        metadata,
        spec: {
          replicas: args.budget.replicas,
          selector: { matchLabels: labels },
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          template: { metadata: { labels, annotations }, spec: poolerPod(args.image, labels, secret.metadata.name) },
        },
      },
      { parent: this },
    );
    new k8s.networking.v1.NetworkPolicy(
      `${name}-policy`,
      {
        metadata,
        spec: {
          podSelector: { matchLabels: labels },
          policyTypes: ['Ingress', 'Egress'],
          ingress: [letIn(everySite, port, everyPod), letIn(namespaceOf(args.namespaceName), port, wholePlatform)],
          egress: [toDns, toService(args.serverReachable)],
        },
      },
      { parent: this },
    );
    new k8s.policy.v1.PodDisruptionBudget(
      `${name}-disruption`,
      { metadata, spec: { maxUnavailable: 1, selector: { matchLabels: labels } } },
      { parent: this },
    );

    this.endpoint = { host: pulumi.interpolate`${service.metadata.name}.${args.namespace}.svc.cluster.local`, port };
    this.reachable = { pods: { namespace: args.namespaceName, labels }, ports: [port] };
    this.registerOutputs({ host: this.endpoint.host, port });
  }
}

/**
 * PgBouncer's settings. Pools are per role and database, so with a role for each site nothing is shared between sites and
 * connections are saved by letting go of them: no pool keeps one, and idle ones close after a moment.
 *
 * Upper bound on the server: replicas × `max_db_connections` for each database. Where sites share one, that is the whole
 * budget; where each has its own, it is a site's `poolSize`, and the server's `max_connections` is the last word.
 */
export function poolerSettings(budget: PoolerBudget): Readonly<Record<string, string | number>> {
  return {
    pool_mode: 'transaction',
    default_pool_size: budget.poolSize,
    min_pool_size: 0,
    reserve_pool_size: 0,
    max_db_connections: Math.floor(budget.serverConnections / budget.replicas),
    max_user_connections: budget.poolSize,
    max_client_conn: budget.clientConnections,
    server_idle_timeout: budget.serverIdleSeconds,
    server_lifetime: 3600,
    query_wait_timeout: 30,
    // Named statements would outlive their transaction on a server connection of somebody else.
    ignore_startup_parameters: 'extra_float_digits,options',
  };
}

/** The query with which a pooler looks a role's verifier up, in the database that the role connects to. */
export const poolerAuthQuery = 'SELECT role, verifier FROM pooler.credentials WHERE role = $1';

export interface PoolerConfig {
  readonly host: string;
  readonly port: number;
  readonly ssl: 'off' | 'require' | 'verify';
  readonly role: string;
  readonly budget: PoolerBudget;
}

/** Text of pgbouncer.ini. */
export function poolerConfig(config: PoolerConfig): string {
  const settings = {
    listen_addr: '0.0.0.0',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: `${configPath}/userlist.txt`,
    auth_query: poolerAuthQuery,
    server_tls_sslmode: { off: 'disable', require: 'require', verify: 'verify-full' }[config.ssl],
    ...(config.ssl === 'verify' ? { server_tls_ca_file: '/etc/ssl/certs/ca-certificates.crt' } : {}),
    ...poolerSettings(config.budget),
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`);
  const databases = `[databases]\n* = host=${config.host} port=${config.port} auth_user=${config.role}\n`;
  return `${databases}\n[pgbouncer]\n${lines.join('\n')}\n`;
}

function poolerPod(
  image: string,
  labels: Record<string, string>,
  secretName: pulumi.Input<string>,
): k8s.types.input.core.v1.PodSpec {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: restrictedPod(998),
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: labels },
      },
    ],
    terminationGracePeriodSeconds: 60,
    containers: [
      {
        name: 'pgbouncer',
        image,
        command: ['pgbouncer', `${configPath}/pgbouncer.ini`],
        ports: [{ name: 'postgres', containerPort: port }],
        securityContext: restrictedContainer,
        resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '1', memory: '256Mi' } },
        // SIGINT lets transactions end and then goes; PgBouncer takes SIGTERM for at once.
        lifecycle: { preStop: { exec: { command: ['sh', '-c', 'kill -INT 1; sleep 45'] } } },
        readinessProbe: { tcpSocket: { port: 'postgres' }, periodSeconds: 5 },
        livenessProbe: { tcpSocket: { port: 'postgres' }, periodSeconds: 10, failureThreshold: 6 },
        volumeMounts: [{ name: 'config', mountPath: configPath, readOnly: true }],
      },
    ],
    volumes: [{ name: 'config', secret: { secretName } }],
  };
}
