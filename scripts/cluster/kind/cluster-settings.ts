import { stringify } from 'yaml';
import type { Addresses } from '../process/addresses.ts';
import { insideVolumes } from '../process/sandbox.ts';

/** Where the provisioner puts what lies on volumes, in a node. */
export const volumesInNode = '/var/local-path-provisioner';

/** What kubeadm changes of the control plane, in a node that was made here. */
const patchesInNode = '/kind/patches';

/** Ports of this machine that lead to those of Traefik, where the machine's own Docker runs the node. */
const sharedPorts = { http: 8088, https: 8443 } as const;

/** Addresses of the pods of a node that was made here, where the machine's own Docker runs it. */
const sharedPods = '10.244.0.0/16';

/** What kind is told of a cluster. */
export interface KindSettings {
  /** Folder of this machine for what lies on volumes. */
  readonly volumes: string;
  /** Whether the image of the node was made here: it brings no network for pods. */
  readonly made: boolean;
  /** Where the cluster's own Docker runs the node. */
  readonly own: Addresses | undefined;
}

export function podsOf({ own }: KindSettings): string {
  return own?.pods ?? sharedPods;
}

/** Where this machine reaches Traefik. */
export function ingressOf({ own }: Pick<KindSettings, 'own'>): { readonly http: string; readonly https: string } {
  if (own !== undefined) return { http: `http://${own.node}`, https: `https://${own.node}` };
  return { http: `http://127.0.0.1:${sharedPorts.http}`, https: `https://127.0.0.1:${sharedPorts.https}` };
}

/** kind's configuration: one node. */
export function describeKind(settings: KindSettings): string {
  const { own, made, volumes } = settings;
  const [listenAddress, http, https] =
    own === undefined ? ['127.0.0.1', sharedPorts.http, sharedPorts.https] : [own.node, 80, 443];
  return stringify({
    kind: 'Cluster',
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    networking: {
      ...(made ? { disableDefaultCNI: true, podSubnet: podsOf(settings) } : {}),
      ...(own === undefined ? {} : { serviceSubnet: own.services, apiServerAddress: own.node, apiServerPort: 6443 }),
    },
    kubeadmConfigPatches: [
      // Where the machine may not grant a lower score, kubelet would complain for ever.
      { kind: 'KubeletConfiguration', oomScoreAdj: 0, maxPods: 250 },
      ...(made ? [{ kind: 'InitConfiguration', patches: { directory: patchesInNode } }] : []),
    ].map((patch) => stringify(patch)),
    nodes: [
      {
        role: 'control-plane',
        extraMounts: [{ hostPath: own === undefined ? volumes : insideVolumes, containerPath: volumesInNode }],
        extraPortMappings: [
          { containerPort: 80, hostPort: http, listenAddress },
          { containerPort: 443, hostPort: https, listenAddress },
        ],
      },
    ],
  });
}
