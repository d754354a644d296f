import type * as k8s from '@pulumi/kubernetes';
import { namespaceNameLabel } from './labels.ts';
import type { Reachable } from './postgres-access.ts';

export type IngressRule = k8s.types.input.networking.v1.NetworkPolicyIngressRule;
export type EgressRule = k8s.types.input.networking.v1.NetworkPolicyEgressRule;

/** Labels that objects have. */
export type Labels = Readonly<Record<string, string>>;

/** Networks that are nobody's business outside: neighbours, nodes, the cloud's metadata service. */
const privateNetworks = {
  v4: ['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  v6: ['::1/128', 'fc00::/7', 'fe80::/10', 'fd00:ec2::254/128'],
} as const;

/** Ports of mail servers: submission, and what providers offer beside it. */
export const mailPorts = [25, 465, 587, 2525] as const;

/** Labels of the namespace of a name. */
export function namespaceOf(name: string): Labels {
  return { [namespaceNameLabel]: name };
}

/**
 * Lets pods open a port.
 *
 * @param pods labels of the pods. @default all pods of the namespaces
 */
export function letIn(namespaces: Labels, port: number, pods?: Labels): IngressRule {
  return { from: [peer(namespaces, pods)], ports: [tcp(port)] };
}

/** Lets out to a port of pods. */
export function letOut(namespaces: Labels, port: number, pods: Labels): EgressRule {
  return { to: [peer(namespaces, pods)], ports: [tcp(port)] };
}

/** Lets out to the cluster's DNS. */
export const toDns: EgressRule = {
  to: [peer(namespaceOf('kube-system'))],
  ports: [
    { protocol: 'UDP', port: 53 },
    { protocol: 'TCP', port: 53 },
  ],
};

/** Lets out to these ports of the internet, which has no private networks in it. */
export function toInternet(ports: readonly number[]): EgressRule {
  return {
    to: [
      { ipBlock: { cidr: '0.0.0.0/0', except: [...privateNetworks.v4] } },
      { ipBlock: { cidr: '::/0', except: [...privateNetworks.v6] } },
    ],
    ports: ports.map(tcp),
  };
}

/** Lets out to a service. */
export function toService({ cidrs = [], pods, ports }: Reachable): EgressRule {
  const inside = pods === undefined ? [] : [peer(namespaceOf(pods.namespace), pods.labels)];
  return { to: [...cidrs.map((cidr) => ({ ipBlock: { cidr } })), ...inside], ports: ports.map(tcp) };
}

function peer(namespaces: Labels, pods?: Labels) {
  return {
    namespaceSelector: { matchLabels: { ...namespaces } },
    ...(pods && { podSelector: { matchLabels: { ...pods } } }),
  };
}

function tcp(port: number) {
  return { protocol: 'TCP', port };
}

/** Port of a URL, that of its scheme where it names none. */
export function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === '' ? ({ 'http:': 80, 'https:': 443 }[protocol] ?? 443) : Number(port);
}
