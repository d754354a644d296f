import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import * as ec2 from './aws/ec2.ts';
import * as elasticache from './aws/elasticache.ts';
import { fingerprintOf } from './fingerprint.ts';
import { platformLabels } from './labels.ts';
import { createPassword } from './password.ts';
import { restrictedContainer, restrictedPod } from './pod-security.ts';
import type { Endpoint, Reachable } from './postgres-access.ts';
import { volumeClaimSpec } from './volume-claim.ts';

interface RedisAdmin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly tls: boolean;
}

/** All that sites have to know of a Redis. */
export interface RedisAccess {
  readonly endpoint: Endpoint;
  readonly tls: boolean;
  readonly reachable: pulumi.Input<readonly Reachable[]>;
  /** How users of it come to be. */
  readonly users: RedisUsers;
}

export type RedisUsers =
  | { readonly by: 'commands'; readonly admin: pulumi.Input<RedisAdmin> }
  | { readonly by: 'elasticache'; readonly groupId: pulumi.Input<string>; readonly awsRegion: string };

export type RedisArgs =
  | {
      readonly kind: 'in-cluster';
      readonly namespace: pulumi.Input<string>;
      readonly namespaceName: string;
      readonly image: string;
      readonly memoryMiB: number;
      readonly storageGiB: number;
      readonly storageClass: string | undefined;
    }
  | {
      readonly kind: 'elasticache';
      readonly awsRegion: string;
      readonly nodeType: string;
      readonly replicas: number;
      readonly vpcId: string;
      readonly subnetIds: readonly string[];
      readonly cidrs: readonly string[];
      readonly snapshotRetentionDays: number;
    };

const port = 6379;
const adminUser = 'fleet-admin';

/** The platform's Redis: cache of the sites, queue and sessions of the platform. */
export class Redis extends pulumi.ComponentResource {
  readonly endpoint: Endpoint;
  readonly tls: boolean;
  readonly reachable: readonly Reachable[];
  /** Login of the administrator, who makes the users. */
  readonly admin: { readonly user: string; readonly password: pulumi.Output<string> };
  /** Group that users of ElastiCache join. */
  readonly userGroupId: pulumi.Output<string> | undefined;

  constructor(name: string, args: RedisArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:Redis', name, {}, options);
    const password = createPassword(`${name}-admin-password`, this);
    this.admin = { user: adminUser, password: password };
    this.tls = args.kind === 'elasticache';
    if (args.kind === 'in-cluster') {
      this.endpoint = { host: this.#createInCluster(name, args), port };
      this.reachable = [{ pods: { namespace: args.namespaceName, labels: platformLabels('redis') }, ports: [port] }];
      this.userGroupId = undefined;
    } else {
      const { group, userGroup } = this.#createElastiCache(name, args);
      this.endpoint = { host: group.primaryEndpointAddress, port };
      this.reachable = [{ cidrs: args.cidrs, ports: [port] }];
      this.userGroupId = userGroup.userGroupId;
    }
    this.registerOutputs({ host: this.endpoint.host, port });
  }

  #createInCluster(name: string, args: RedisArgs & { kind: 'in-cluster' }): pulumi.Output<string> {
    const labels = platformLabels('redis');
    const metadata = { name: 'redis', namespace: args.namespace, labels };
    // The ACL file lies on the volume, where users that sites were given outlive the pod; the administrator's line in it is
    // this one at every start. Nobody logs in as the default user, but Redis does what its own log says as that one.
    const users = pulumi.secret({
      'users.acl': pulumi.interpolate`user default off ~* &* +@all\nuser ${adminUser} on >${this.admin.password} ~* &* +@all\n`,
    });
    const annotations = { 'ghost-fleet.dev/secrets': pulumi.jsonStringify(users).apply(fingerprintOf) };
    const acl = new k8s.core.v1.Secret(
      `${name}-acl`,
      {
        metadata: { ...metadata, name: 'redis-acl' },
        stringData: users,
      },
      { parent: this },
    );
    const service = new k8s.core.v1.Service(
      `${name}-service`,
      { metadata, spec: { selector: labels, ports: [{ name: 'redis', port, targetPort: 'redis' }] } },
      { parent: this },
    );
    new k8s.apps.v1.StatefulSet(
      `${name}-server`,
      {
        metadata,
        spec: {
          serviceName: 'redis',
          replicas: 1,
          selector: { matchLabels: labels },
          template: { metadata: { labels, annotations }, spec: redisPod(args, acl.metadata.name) },
          volumeClaimTemplates: [
            { metadata: { name: 'data', labels }, spec: volumeClaimSpec(args.storageGiB, args.storageClass) },
          ],
        },
      },
      { parent: this },
    );
    return pulumi.interpolate`${service.metadata.name}.${args.namespace}.svc.cluster.local`;
  }

  #createElastiCache(name: string, args: RedisArgs & { kind: 'elasticache' }) {
    const region = args.awsRegion;
    const subnets = new elasticache.SubnetGroup(
      `${name}-subnets`,
      { subnetIds: [...args.subnetIds], region },
      { parent: this },
    );
    const firewall = new ec2.SecurityGroup(
      `${name}-firewall`,
      {
        description: 'Redis of the fleet: from its own networks only',
        vpcId: args.vpcId,
        region,
        ingress: [{ protocol: 'tcp', fromPort: port, toPort: port, cidrBlocks: [...args.cidrs] }],
      },
      { parent: this },
    );
    const admin = new elasticache.User(
      `${name}-admin`,
      {
        userId: adminUser,
        userName: adminUser,
        engine: 'valkey',
        accessString: 'on ~* &* +@all',
        authenticationMode: { type: 'password', passwords: [this.admin.password] },
        region,
      },
      { parent: this },
    );
    // Sites' users join by associations of their own, from stacks that this one does not know.
    const userGroup = new elasticache.UserGroup(
      `${name}-users`,
      { userGroupId: `${name}-users`, engine: 'valkey', userIds: [admin.userId], region },
      { parent: this, ignoreChanges: ['userIds'] },
    );
    const group = new elasticache.ReplicationGroup(
      `${name}-group`,
      {
        description: 'Cache of the sites, queue and sessions of the platform',
        engine: 'valkey',
        nodeType: args.nodeType,
        numCacheClusters: args.replicas + 1,
        automaticFailoverEnabled: args.replicas > 0,
        multiAzEnabled: args.replicas > 0,
        subnetGroupName: subnets.name,
        securityGroupIds: [firewall.id],
        atRestEncryptionEnabled: true,
        transitEncryptionEnabled: true,
        userGroupIds: [userGroup.userGroupId],
        snapshotRetentionLimit: args.snapshotRetentionDays,
        region,
      },
      { parent: this, protect: true },
    );
    return { group, userGroup };
  }
}

/** Keeps the users of the ACL file but the two that the Secret names, whose password is another after a destroy. */
const renewAdministrator = `cat /etc/redis-acl/users.acl > /data/users.acl.next
if test -s /data/users.acl; then
  grep -v -E '^user (default|${adminUser}) ' /data/users.acl >> /data/users.acl.next || true
fi
mv /data/users.acl.next /data/users.acl`;

function redisPod(args: RedisArgs & { kind: 'in-cluster' }, aclSecret: pulumi.Input<string>) {
  const memory = `${Math.ceil(args.memoryMiB * 1.5)}Mi`;
  const container = {
    image: args.image,
    securityContext: restrictedContainer,
    resources: { requests: { cpu: '50m', memory }, limits: { cpu: '1', memory } },
    volumeMounts: [
      { name: 'data', mountPath: '/data' },
      { name: 'acl', mountPath: '/etc/redis-acl', readOnly: true },
    ],
  };
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: restrictedPod(999),
    initContainers: [
      {
        ...container,
        name: 'acl',
        command: ['sh', '-ec', renewAdministrator],
      },
    ],
    containers: [
      {
        ...container,
        name: 'redis',
        command: ['redis-server'],
        args: [
          ...['--port', String(port), '--dir', '/data', '--appendonly', 'yes', '--aclfile', '/data/users.acl'],
          // A queue must not lose jobs to make room for a cache: keys with an expiry go first, and only those.
          ...['--maxmemory', `${args.memoryMiB}mb`, '--maxmemory-policy', 'volatile-lru'],
        ],
        ports: [{ name: 'redis', containerPort: port }],
        readinessProbe: { tcpSocket: { port: 'redis' }, periodSeconds: 5 },
        livenessProbe: { tcpSocket: { port: 'redis' }, periodSeconds: 10, failureThreshold: 6 },
      },
    ],
    volumes: [{ name: 'acl', secret: { secretName: aclSecret } }],
  };
}
