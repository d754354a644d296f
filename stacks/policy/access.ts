import { platformPart, platformPartLabel } from '../../components/labels.ts';
import type { Rule } from './subject.ts';

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

interface Peer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
  readonly namespaceSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
}

interface NetworkPolicySpec {
  readonly podSelector?: {
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: object;
  };
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly { readonly from?: readonly Peer[] }[];
  readonly egress?: readonly { readonly to?: readonly Peer[]; readonly ports?: readonly unknown[] }[];
}

/** What a way to everywhere must leave out: neighbours, nodes, the metadata service of the cloud. */
const nearby: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0/0': ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  '::/0': ['fc00::/7', 'fe80::/10'],
};

/**
 * A network policy holds for every pod of its namespace, or for those of a part of the platform, in both directions, and
 * lets in and out by name; out to everywhere but nearby.
 */
export const neighboursAreOutOfReach: Rule = ({ type, name, inputs }) => {
  if (type !== 'kubernetes:networking.k8s.io/v1:NetworkPolicy') return [];
  const { podSelector = {}, policyTypes = [], ingress = [], egress = [] } = (inputs.spec ?? {}) as NetworkPolicySpec;
  const wrong = (holds: boolean, what: string) => (holds ? [] : [`${name}: ${what}`]);
  const peersOf = [...ingress.map(({ from }) => from), ...egress.map(({ to }) => to)];
  const peers = peersOf.flatMap((some) => some ?? []);
  return [
    ...wrong(Object.keys(podSelector).length === 0 || selectsPlatform(podSelector), 'leaves pods out'),
    ...wrong(policyTypes.includes('Ingress') && policyTypes.includes('Egress'), 'holds in one direction only'),
    ...wrong(
      peersOf.every((some) => (some ?? []).length > 0),
      'is open to everybody or to everywhere',
    ),
    ...wrong(
      egress.every(({ ports = [] }) => ports.length > 0),
      'opens every port',
    ),
    ...wrong(
      peers.every(({ namespaceSelector }) => !opensEveryNamespace(namespaceSelector)),
      'is open to every namespace',
    ),
    ...peers.flatMap(({ ipBlock: { cidr, except = [] } = { cidr: 'none' } }) =>
      (nearby[cidr] ?? [])
        .filter((network) => !except.includes(network))
        .map((network) => `${name}: reaches ${network}`),
    ),
  ];
};

function selectsPlatform({ matchLabels }: NonNullable<NetworkPolicySpec['podSelector']>): boolean {
  return matchLabels?.[platformPartLabel] === platformPart;
}

function opensEveryNamespace(selector: Peer['namespaceSelector']): boolean {
  return selector !== undefined && Object.keys(selector.matchLabels ?? {}).length === 0;
}
