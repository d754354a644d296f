import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { fingerprintOf } from './fingerprint.ts';
import { DatabaseResource, RoleResource } from './fleet-resources.ts';
import type { IngressAccess } from './ingress.ts';
import { platformLabels } from './labels.ts';
import { portOf } from './network-rules.ts';
import { createPassword } from './password.ts';
import {
  describeEnvironment,
  describeSecrets,
  type PlatformEnvironmentArgs,
  type PlatformRole,
  secretsOf,
} from './platform-environment.ts';
import { PlatformNetwork } from './platform-network.ts';
import { PlatformRoute } from './platform-route.ts';
import { restrictedContainer, restrictedPod } from './pod-security.ts';
import type { PostgresAccess, Reachable } from './postgres-access.ts';
import { createSigningKey } from './signing-key.ts';
import type { PlatformServiceAccess } from './site-platform.ts';
import { siteUrl } from './site-route.ts';
import { probePort } from './site-workload.ts';

export interface PlatformServiceArgs
  extends Omit<PlatformEnvironmentArgs, 'url' | 'port' | 'database' | 'secrets' | 'redisUrl'> {
  readonly namespace: pulumi.Input<string>;
  readonly namespaceName: string;
  readonly image: string;
  readonly host: string;
  readonly ingress: IngressAccess;
  /** Namespace of Prometheus. */
  readonly monitoringNamespace: string | undefined;
  /** Pods of the API, and as many of the worker. */
  readonly replicas: number;
  /** Queue, sessions and limits; without one each pod has its own. */
  readonly redis:
    | { readonly url: pulumi.Input<string>; readonly reachable: pulumi.Input<readonly Reachable[]> }
    | undefined;
}

const databaseName = 'platform';
const port = 3000;
const secretsPath = '/run/secrets/platform';
const drainSeconds = 5;

/** A pod's part of it, the same for every role. */
interface ServicePods {
  readonly namespace: pulumi.Input<string>;
  readonly image: string;
  readonly environment: PlatformEnvironmentArgs;
  readonly secretName: pulumi.Input<string>;
  /** Changes when what the pods are told changes. */
  readonly fingerprint: pulumi.Output<string>;
}

/**
 * The platform's own service: its database with an owner that migrates and an application role that owns nothing, a Job
 * that migrates, API and worker of one image, and their route. Its keys are generated and stay as long as the stack.
 */
export class PlatformService extends pulumi.ComponentResource {
  readonly access: PlatformServiceAccess;

  constructor(name: string, args: PlatformServiceArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:PlatformService', name, {}, options);
    const owner = createPassword(`${name}-owner-password`, this);
    const app = createPassword(`${name}-app-password`, this);
    const analyticsKey = createPassword(`${name}-analytics-key`, this);
    const signing = createSigningKey(`${name}-sign-in-key`, this);
    const environment: PlatformEnvironmentArgs = {
      ...args,
      redisUrl: args.redis?.url,
      port,
      url: siteUrl(args.host, args.ingress),
      database: databaseName,
      secrets: {
        analyticsKey,
        ownerPassword: owner,
        appPassword: app,
        sessionSecret: createPassword(`${name}-session-secret`, this),
        signInKey: signing.privateKey,
      },
    };
    const database = this.#createDatabase(name, args.cluster, { owner, app });
    const pods = this.#createSecret(name, args, environment);
    const migration = this.#createMigration(name, pods, database);
    for (const role of ['api', 'worker'] as const) this.#createDeployment(name, role, args.replicas, pods, migration);
    this.#createRoute(name, args);
    this.#createNetwork(name, args);

    this.access = {
      analyticsKey,
      publicKey: signing.publicKey,
      database: databaseName,
      cluster: args.cluster,
      namespace: args.namespaceName,
      tables: migration,
    };
    this.registerOutputs({ host: args.host });
  }

  #createSecret(name: string, args: PlatformServiceArgs, environment: PlatformEnvironmentArgs): ServicePods {
    const stringData = pulumi.secret(describeSecrets(environment));
    const secret = new k8s.core.v1.Secret(
      `${name}-secrets`,
      {
        metadata: { name: 'platform', namespace: args.namespace, labels: platformLabels('platform') },
        stringData,
      },
      { parent: this },
    );
    const { namespace, image } = args;
    const fingerprint = pulumi.jsonStringify(stringData).apply(fingerprintOf);
    return { namespace, image, environment, secretName: secret.metadata.name, fingerprint };
  }

  #createDatabase(
    name: string,
    cluster: PostgresAccess,
    passwords: { readonly owner: pulumi.Output<string>; readonly app: pulumi.Output<string> },
  ): pulumi.Resource {
    const admin = pulumi.secret({ ...cluster.admin, ssl: cluster.ssl });
    const kept = { parent: this, protect: true, retainOnDelete: true };
    const login = (role: string, password: pulumi.Output<string>, connectionLimit: number) =>
      new RoleResource(`${name}-${role}`, { name: `platform_${role}`, password, connectionLimit, admin }, kept);
    const owner = login('owner', passwords.owner, 5);
    const app = login('app', passwords.app, 40);
    return new DatabaseResource(
      `${name}-database`,
      {
        name: databaseName,
        cluster: cluster.name,
        stack: `${pulumi.getProject()}/${pulumi.getStack()}`,
        ownerRole: owner.name,
        connectingRoles: app.name.apply((role) => [role]),
        admin,
        ...(cluster.poolerRole === undefined
          ? {}
          : { pooler: pulumi.secret({ role: cluster.poolerRole, verifiers: { platform_app: app.verifier } }) }),
      },
      kept,
    );
  }

  /** A Job cannot be changed, so each image has its own; the Deployments wait for it. */
  #createMigration(name: string, pods: ServicePods, database: pulumi.Resource): pulumi.Resource {
    const labels = platformLabels('platform-migration');
    return new k8s.batch.v1.Job(
      `${name}-migration`,
      {
        metadata: { name: 'platform-migration', namespace: pods.namespace, labels },
        spec: {
          backoffLimit: 3,
          activeDeadlineSeconds: 1_800,
          template: { metadata: { labels }, spec: { ...servicePod('migrate', labels, pods), restartPolicy: 'Never' } },
        },
      },
      { parent: this, dependsOn: [database], replaceOnChanges: ['spec'], deleteBeforeReplace: true },
    );
  }

  #createDeployment(
    name: string,
    role: 'api' | 'worker',
    replicas: number,
    pods: ServicePods,
    migration: pulumi.Resource,
  ): void {
    const labels = platformLabels(`platform-${role}`);
    // A pod reads its secrets when it starts.
    const annotations = { 'ghost-fleet.dev/secrets': pods.fingerprint };
    new k8s.apps.v1.Deployment(
      `${name}-${role}`,
      {
        metadata: { name: `platform-${role}`, namespace: pods.namespace, labels },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          template: { metadata: { labels, annotations }, spec: servicePod(role, labels, pods) },
        },
      },
      { parent: this, dependsOn: [migration] },
    );
    new k8s.policy.v1.PodDisruptionBudget(
      `${name}-${role}-disruption`,
      {
        metadata: { name: `platform-${role}`, namespace: pods.namespace, labels },
        spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
      },
      { parent: this },
    );
  }

  #createRoute(name: string, args: PlatformServiceArgs): void {
    const { namespace, host, ingress } = args;
    const labels = platformLabels('platform-api');
    const service = new k8s.core.v1.Service(
      `${name}-service`,
      {
        metadata: { name: 'platform', namespace, labels },
        spec: { selector: labels, ports: [{ name: 'http', port, targetPort: 'http' }] },
      },
      { parent: this },
    );
    const backend = { name: service.metadata.name, port };
    new PlatformRoute(name, { namespace, host, ingress, backend }, { parent: this });
  }

  #createNetwork(
    name: string,
    { namespace, ingress, monitoringNamespace, cluster, clusters, redis, mail, oidc, repository }: PlatformServiceArgs,
  ): void {
    const providers = [
      { cidrs: mail?.cidrs, ports: mail === undefined ? [] : [mail.port] },
      { cidrs: oidc?.cidrs, ports: oidc === undefined ? [] : [portOf(oidc.issuer)] },
      { cidrs: repository?.cidrs, ports: repository === undefined ? [] : [portOf(repository.url)] },
    ];
    new PlatformNetwork(
      name,
      {
        namespace,
        controllerNamespace: ingress.controllerNamespace,
        monitoringNamespace,
        port,
        probePort,
        siteProbePort: probePort,
        database: cluster.reachable,
        siteDatabases: Object.values(clusters).map(({ reachable }) => reachable),
        services: [
          ...(redis === undefined ? [] : [redis.reachable]),
          ...providers.flatMap(({ cidrs, ports }) => (cidrs === undefined ? [] : [[{ cidrs, ports }]])),
        ],
        internetPorts: providers.flatMap(({ ports }) => ports),
      },
      { parent: this },
    );
  }
}

function servicePod(
  role: PlatformRole,
  labels: Record<string, string>,
  { image, environment, secretName }: ServicePods,
): k8s.types.input.core.v1.PodSpec {
  const secrets = Object.entries(secretsOf(role, environment));
  const files = secrets.map(([variable]) => [`${variable}_FILE`, `${secretsPath}/${variable}`] as const);
  const variables = [...Object.entries(describeEnvironment(role, environment)), ...files];
  // A worker serves nothing else.
  const asked = role === 'api' ? 'http' : 'probes';
  const probe = (file: string, rest: object) => ({ httpGet: { path: file, port: asked }, timeoutSeconds: 3, ...rest });
  const items = secrets.map(([variable, key]) => ({ key, path: variable }));
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: restrictedPod(),
    topologySpreadConstraints: ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: labels },
    })),
    terminationGracePeriodSeconds: 60,
    containers: [
      {
        name: role,
        image,
        args: [role],
        env: variables.map(([variable, value]) => ({ name: variable, value })),
        securityContext: restrictedContainer,
        resources: { requests: { cpu: '100m', memory: '192Mi' }, limits: { cpu: '1', memory: '512Mi' } },
        volumeMounts: [
          { name: 'secrets', mountPath: secretsPath, readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
        ],
        ...(role !== 'migrate' && {
          ports: [
            ...(role === 'api' ? [{ name: 'http', containerPort: port }] : []),
            { name: 'probes', containerPort: probePort },
          ],
          startupProbe: probe('/livez', { periodSeconds: 2, failureThreshold: 60 }),
          livenessProbe: probe('/livez', { periodSeconds: 10, failureThreshold: 6 }),
          readinessProbe: probe('/readyz', { periodSeconds: 5, failureThreshold: 2 }),
          // Until the ingress controller has heard that the pod is leaving.
          lifecycle: { preStop: { sleep: { seconds: drainSeconds } } },
        }),
      },
    ],
    volumes: [
      { name: 'secrets', secret: { secretName, defaultMode: 0o440, items } },
      { name: 'tmp', emptyDir: { sizeLimit: '256Mi' } },
    ],
  };
}
