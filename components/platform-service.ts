import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { DatabaseResource, RoleResource } from './fleet-resources.ts';
import type { IngressAccess } from './ingress.ts';
import { platformLabels } from './labels.ts';
import { createPassword } from './password.ts';
import { restrictedContainer, restrictedPod } from './pod-security.ts';
import type { PostgresAccess } from './postgres-access.ts';
import type { PlatformDatabaseAccess } from './site-registration.ts';

export interface PlatformServiceArgs {
  readonly namespace: pulumi.Input<string>;
  readonly image: string;
  /** Cluster of the platform's database. */
  readonly cluster: PostgresAccess;
  readonly redisUrl: pulumi.Input<string> | undefined;
  readonly host: string;
  readonly ingress: IngressAccess;
  readonly replicas: number;
}

const databaseName = 'platform';
const port = 3000;
const secretsPath = '/run/secrets/platform';

/**
 * The platform's own service: its database with an owner that migrates and an application role that owns nothing, a Job
 * that migrates, API and worker of one image, and their route.
 */
export class PlatformService extends pulumi.ComponentResource {
  readonly database: PlatformDatabaseAccess;

  constructor(name: string, args: PlatformServiceArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:PlatformService', name, {}, options);
    const owner = createPassword(`${name}-owner-password`, this);
    const app = createPassword(`${name}-app-password`, this);
    const database = this.#createDatabase(name, args.cluster, { owner, app });
    const secret = new k8s.core.v1.Secret(
      `${name}-secrets`,
      {
        metadata: { name: 'platform', namespace: args.namespace, labels: platformLabels('platform') },
        stringData: pulumi.secret({
          DATABASE_PASSWORD: app,
          MIGRATION_PASSWORD: owner,
          ...(args.redisUrl === undefined ? {} : { REDIS_URL: args.redisUrl }),
        }),
      },
      { parent: this },
    );
    const migration = this.#createMigration(name, args, secret.metadata.name, database);
    for (const role of ['api', 'worker'] as const) this.#createDeployment(name, role, args, secret, migration);
    this.#createRoute(name, args);

    this.database = { database: databaseName, cluster: args.cluster, tables: migration };
    this.registerOutputs({ host: args.host });
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
      },
      kept,
    );
  }

  /** A Job cannot be changed, so each image has its own; the Deployments wait for it. */
  #createMigration(
    name: string,
    args: PlatformServiceArgs,
    secretName: pulumi.Input<string>,
    database: pulumi.Resource,
  ): pulumi.Resource {
    return new k8s.batch.v1.Job(
      `${name}-migration`,
      {
        metadata: {
          name: 'platform-migration',
          namespace: args.namespace,
          labels: platformLabels('platform-migration'),
        },
        spec: {
          backoffLimit: 3,
          activeDeadlineSeconds: 1_800,
          template: {
            metadata: { labels: platformLabels('platform-migration') },
            spec: { ...servicePod(args, secretName, 'migrate'), restartPolicy: 'Never' },
          },
        },
      },
      { parent: this, dependsOn: [database], replaceOnChanges: ['spec'], deleteBeforeReplace: true },
    );
  }

  #createDeployment(
    name: string,
    role: 'api' | 'worker',
    args: PlatformServiceArgs,
    secret: k8s.core.v1.Secret,
    migration: pulumi.Resource,
  ): void {
    const labels = platformLabels(`platform-${role}`);
    new k8s.apps.v1.Deployment(
      `${name}-${role}`,
      {
        metadata: { name: `platform-${role}`, namespace: args.namespace, labels },
        spec: {
          replicas: args.replicas,
          selector: { matchLabels: labels },
          strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
          template: { metadata: { labels }, spec: servicePod(args, secret.metadata.name, role) },
        },
      },
      { parent: this, dependsOn: [migration] },
    );
    new k8s.policy.v1.PodDisruptionBudget(
      `${name}-${role}-disruption`,
      {
        metadata: { name: `platform-${role}`, namespace: args.namespace, labels },
        spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
      },
      { parent: this },
    );
  }

  #createRoute(name: string, args: PlatformServiceArgs): void {
    const labels = platformLabels('platform-api');
    const metadata = { name: 'platform', namespace: args.namespace, labels };
    const service = new k8s.core.v1.Service(
      `${name}-service`,
      { metadata, spec: { selector: labels, ports: [{ name: 'http', port, targetPort: 'http' }] } },
      { parent: this },
    );
    const backend = { name: service.metadata.name, port };
    if (args.ingress.kind === 'gateway') {
      new k8s.apiextensions.CustomResource(
        `${name}-route`,
        {
          apiVersion: 'gateway.networking.k8s.io/v1',
          kind: 'HTTPRoute',
          metadata,
          spec: { parentRefs: [args.ingress.gateway], hostnames: [args.host], rules: [{ backendRefs: [backend] }] },
        },
        { parent: this },
      );
      return;
    }
    new k8s.networking.v1.Ingress(
      `${name}-route`,
      {
        metadata,
        spec: {
          ingressClassName: args.ingress.className,
          rules: [
            {
              host: args.host,
              http: {
                paths: [
                  {
                    path: '/',
                    pathType: 'Prefix',
                    backend: { service: { name: backend.name, port: { number: port } } },
                  },
                ],
              },
            },
          ],
        },
      },
      { parent: this },
    );
  }
}

function servicePod(
  args: PlatformServiceArgs,
  secretName: pulumi.Input<string>,
  role: 'api' | 'worker' | 'migrate',
): k8s.types.input.core.v1.PodSpec {
  const { cluster } = args;
  // The owner migrates, past the pooler; the application role cannot change a table.
  const migrates = role === 'migrate';
  const endpoint = migrates ? cluster.direct : cluster.pooler;
  const environment: Record<string, pulumi.Input<string>> = {
    DATABASE_HOST: endpoint.host,
    DATABASE_PORT: pulumi.interpolate`${endpoint.port}`,
    DATABASE_SSL: migrates ? cluster.ssl : 'off',
    DATABASE_NAME: databaseName,
    DATABASE_USER: migrates ? 'platform_owner' : 'platform_app',
    DATABASE_PASSWORD_FILE: `${secretsPath}/${migrates ? 'MIGRATION_PASSWORD' : 'DATABASE_PASSWORD'}`,
    PLATFORM_URL: `${args.ingress.issuer === undefined ? 'http' : 'https'}://${args.host}`,
    PORT: String(port),
    ...(args.redisUrl === undefined ? {} : { REDIS_URL_FILE: `${secretsPath}/REDIS_URL` }),
  };
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: restrictedPod(),
    terminationGracePeriodSeconds: 60,
    containers: [
      {
        name: role,
        image: args.image,
        args: [role],
        env: Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
        securityContext: restrictedContainer,
        resources: { requests: { cpu: '100m', memory: '192Mi' }, limits: { cpu: '1', memory: '512Mi' } },
        volumeMounts: [
          { name: 'secrets', mountPath: secretsPath, readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
        ],
        ...(role === 'api' && {
          ports: [{ name: 'http', containerPort: port }],
          readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 5 },
          livenessProbe: { httpGet: { path: '/livez', port: 'http' }, periodSeconds: 10, failureThreshold: 6 },
        }),
      },
    ],
    volumes: [
      { name: 'secrets', secret: { secretName, defaultMode: 0o440 } },
      { name: 'tmp', emptyDir: { sizeLimit: '256Mi' } },
    ],
  };
}
