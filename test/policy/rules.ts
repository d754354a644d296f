import type { PlannedResource } from './plan.ts';

/** A rule of the policies: what is wrong with a resource, a line each; nothing where it is sound. */
export type Rule = (resource: PlannedResource) => readonly string[];

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly envFrom?: readonly { readonly secretRef?: unknown }[];
  readonly resources?: {
    readonly requests?: Record<string, string>;
    readonly limits?: Record<string, string>;
  };
  readonly securityContext?: {
    readonly allowPrivilegeEscalation?: boolean;
    readonly privileged?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  };
}

interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly securityContext?: { readonly runAsNonRoot?: boolean; readonly seccompProfile?: { readonly type?: string } };
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly hostPath?: unknown }[];
}

/** The pod that a workload makes, undefined for what makes none. */
export function podOf(resource: PlannedResource): PodSpec | undefined {
  const spec = resource.inputs.spec as Record<string, unknown> | undefined;
  const job = spec?.jobTemplate as { spec: unknown } | undefined;
  return ((job?.spec ?? spec) as { template?: { spec: PodSpec } } | undefined)?.template?.spec;
}

export function containersOf(pod: PodSpec): readonly Container[] {
  return [...pod.containers, ...(pod.initContainers ?? [])];
}

/** Kubernetes' `restricted` profile, and what it does not ask for: no token, a root that cannot be written. */
export const podsAreRestricted: Rule = (resource) => {
  const pod = podOf(resource);
  if (pod === undefined) return [];
  const wrong = (holds: boolean, what: string) => (holds ? [] : [`${resource.name}: ${what}`]);
  return [
    ...wrong(pod.automountServiceAccountToken === false, 'mounts a token of the Kubernetes API'),
    ...wrong(pod.hostNetwork !== true && pod.hostPID !== true, "shares the node's namespaces"),
    ...wrong(pod.securityContext?.runAsNonRoot === true, 'may run as root'),
    ...wrong(pod.securityContext?.seccompProfile?.type === 'RuntimeDefault', 'has no seccomp profile'),
    ...wrong(!(pod.volumes ?? []).some((volume) => volume.hostPath !== undefined), 'mounts a folder of the node'),
    ...containersOf(pod).flatMap(({ name, securityContext: context }) => [
      ...wrong(context?.allowPrivilegeEscalation === false, `${name} may gain privileges`),
      ...wrong(context?.privileged !== true, `${name} is privileged`),
      ...wrong(context?.readOnlyRootFilesystem === true, `${name} writes to its root`),
      ...wrong(context?.capabilities?.drop?.includes('ALL') === true, `${name} keeps capabilities`),
      ...wrong((context?.capabilities?.add ?? []).length === 0, `${name} adds capabilities`),
    ]),
  ];
};

export const containersAreLimited: Rule = (resource) => {
  const pod = podOf(resource);
  if (pod === undefined) return [];
  return containersOf(pod).flatMap(({ name, resources }) =>
    (['requests', 'limits'] as const).flatMap((kind) =>
      ['cpu', 'memory']
        .filter((unit) => resources?.[kind]?.[unit] === undefined)
        .map((unit) => `${resource.name}: ${name} has no ${kind} of ${unit}`),
    ),
  );
};

/** A secret in a variable is in every child process, crash report and `kubectl describe`. */
export const secretsAreFiles: Rule = (resource) => {
  const pod = podOf(resource);
  if (pod === undefined) return [];
  return containersOf(pod).flatMap(({ name, env = [], envFrom = [] }) => [
    ...env
      .filter((variable) => variable.valueFrom !== undefined || looksSecret(variable.name))
      .map((variable) => `${resource.name}: ${name} is given ${variable.name} as a variable`),
    ...envFrom
      .filter((source) => source.secretRef !== undefined)
      .map(() => `${resource.name}: ${name} is given a Secret as variables`),
  ]);
};

function looksSecret(variable: string): boolean {
  return /(PASSWORD|SECRET|TOKEN|KEY)$/.test(variable) || variable === 'REDIS_URL';
}

/** Properties that hold credentials, by type, which must be secret as a whole or in these places. */
const credentials: Readonly<Record<string, readonly string[]>> = {
  'kubernetes:core/v1:Secret': ['stringData'],
  'fleet:index:SiteDatabase': ['admin', 'password', 'readerPassword'],
  'fleet:index:Placement': ['servers'],
  'fleet:index:RedisUser': ['admin', 'password'],
  'fleet:index:SearchIndex': ['admin'],
  'fleet:index:Registration': ['admin'],
  'fleet:index:Role': ['admin', 'password'],
  'aws:rds/instance:Instance': ['password'],
};

/** Every credential is secret, so that it is encrypted in the state and masked in previews. */
export const credentialsAreSecret: Rule = ({ type, name, inputs, secretPaths }) => [
  ...(credentials[type] ?? [])
    .filter((key) => inputs[key] !== undefined && !secretPaths.includes(key))
    .map((key) => `${name}: ${key} is not secret`),
  ...plainTexts(inputs, secretPaths, [])
    .filter(([, text]) => /hex-of-|search-key-of|indexing-key-of|correct-horse/.test(text))
    .map(([at]) => `${name}: ${at} carries a credential in plain`),
];

function plainTexts(value: unknown, secretPaths: readonly string[], at: readonly string[]): [string, string][] {
  if (secretPaths.includes(at.join('.'))) return [];
  if (typeof value === 'string') return [[at.join('.'), value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => plainTexts(inner, secretPaths, [...at, key]));
}

/** What holds data of a site is kept when its YAML goes; what holds data of all is protected besides. */
export const dataIsKept: Rule = ({ type, name, retainOnDelete, protect }) => {
  const retained = [
    'kubernetes:core/v1:PersistentVolumeClaim',
    'fleet:index:SiteDatabase',
    'aws:s3/bucket:Bucket',
    'postgresql:index/database:Database',
    'fleet:index:Role',
    'kubernetes:postgresql.cnpg.io/v1:Cluster',
  ];
  const shared = [
    'aws:s3/bucket:Bucket',
    'aws:rds/instance:Instance',
    'aws:elasticache/replicationGroup:ReplicationGroup',
    'postgresql:index/database:Database',
    'fleet:index:Role',
    'kubernetes:postgresql.cnpg.io/v1:Cluster',
  ];
  return [
    ...(retained.includes(type) && !retainOnDelete ? [`${name}: would be deleted with its configuration`] : []),
    ...(shared.includes(type) && !protect ? [`${name}: is shared and not protected`] : []),
    ...(!shared.includes(type) && protect ? [`${name}: is protected, so that no site could be removed`] : []),
  ];
};

/** Nothing is open to the world but the routes of the ingress controller. */
export const nothingIsPublic: Rule = ({ type, name, inputs }) => {
  const spec = inputs.spec as { type?: string; externalIPs?: unknown } | undefined;
  switch (type) {
    case 'kubernetes:core/v1:Service':
      return (spec?.type ?? 'ClusterIP') === 'ClusterIP' && spec?.externalIPs === undefined
        ? []
        : [`${name}: a Service of type ${spec?.type}`];
    case 'aws:rds/instance:Instance':
      return inputs.publiclyAccessible === false && inputs.storageEncrypted === true
        ? []
        : [`${name}: public or not encrypted`];
    case 'aws:ec2/securityGroup:SecurityGroup': {
      const rules = (inputs.ingress as { cidrBlocks?: string[] }[] | undefined) ?? [];
      return rules.flatMap((rule) => rule.cidrBlocks ?? []).some((cidr) => cidr.endsWith('/0'))
        ? [`${name}: open to the world`]
        : [];
    }
    case 'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock':
      return ['blockPublicAcls', 'blockPublicPolicy', 'ignorePublicAcls', 'restrictPublicBuckets']
        .filter((key) => inputs[key] !== true)
        .map((key) => `${name}: ${key} is off`);
    case 'aws:s3/bucketAcl:BucketAcl':
      return [`${name}: an ACL on a bucket`];
    default:
      return [];
  }
};

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Principal?: unknown;
}

/** No wildcard of actions, no resource that is everything, nobody but those named. */
export const policiesAreLeast: Rule = ({ name, inputs }) => {
  const documents = [inputs.policy, inputs.assumeRolePolicy].filter((text): text is string => typeof text === 'string');
  return documents.flatMap((text) => {
    const { Statement: statements = [] } = JSON.parse(text) as { Statement?: readonly Statement[] };
    return statements
      .filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Action, Resource, Principal }) => [
        ...[Action]
          .flat()
          .filter((action) => action.includes('*'))
          .map((action) => `${name}: allows ${action}`),
        ...[Resource ?? []]
          .flat()
          .filter((resource) => resource === '*')
          .map(() => `${name}: on every resource`),
        ...(Principal === '*' ? [`${name}: to everybody`] : []),
      ]);
  });
};

/** Kubernetes truncates nothing and refuses what is too long; PostgreSQL truncates silently. */
export const namesFit: Rule = ({ type, name, inputs }) => {
  const objectName = (inputs.metadata as { name?: string } | undefined)?.name ?? '';
  const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
  const kubernetes = type.startsWith('kubernetes:') && (objectName.length > 63 || !label.test(objectName));
  const texts = ['slug', 'identifier', 'name', 'userId']
    .map((key) => inputs[key])
    .filter((text) => typeof text === 'string');
  const limit = type.startsWith('aws:route53/') ? 253 : 63;
  return [
    ...(kubernetes ? [`${name}: the object's name ${objectName}`] : []),
    ...texts.filter((text) => Buffer.byteLength(text) > limit).map((text) => `${name}: ${text} is too long`),
  ];
};

/** Every rule, with the name under which a test reports it. */
export const rules: Readonly<Record<string, Rule>> = {
  'pods are restricted': podsAreRestricted,
  'containers have requests and limits': containersAreLimited,
  'secrets reach containers as files': secretsAreFiles,
  'credentials are secret': credentialsAreSecret,
  'data is kept, shared data protected': dataIsKept,
  'nothing is public': nothingIsPublic,
  'policy documents allow what is named': policiesAreLeast,
  'names fit their systems': namesFit,
};
