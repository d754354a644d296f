import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { $ } from 'zx';
import type { ClusterFolder } from '../cluster.ts';
import { podNetwork } from '../pod-network.ts';
import type { Addresses } from './addresses.ts';
import { nodeName } from './certificates.ts';
import type { Program } from './programs.ts';
import { inside } from './sandbox.ts';

/** Socket of the cluster's own containerd, as its processes see it. */
export const containerdSocket = `${inside}/containerd.sock`;

/** Where the programs of a node are. */
export interface NodePrograms {
  /** Folder of kubelet and kube-proxy. */
  readonly bin: string;
  readonly containerd: string;
  /** Folder of the CNI plugins `bridge`, `host-local`, `loopback` and `portmap`. */
  readonly cniPlugins: string;
}

/**
 * Writes the settings of containerd, of the pods' network and of kubelet.
 *
 * @param sandboxImage what holds a pod's namespaces
 * @returns the programs of the node, in the order they start
 */
export async function describeNode(
  folder: ClusterFolder,
  addresses: Addresses,
  programs: NodePrograms,
  sandboxImage: string,
): Promise<{ readonly containerd: Program; readonly rest: readonly Program[] }> {
  const { run } = folder;
  await mkdir(path.join(run, 'cni', 'conf'), { recursive: true });
  await writeFile(
    path.join(run, 'containerd.toml'),
    containerdSettings(programs, sandboxImage, await snapshotter(run)),
  );
  await writeFile(
    path.join(run, 'cni', 'conf', '10-bridge.conflist'),
    podNetwork(addresses.pods, `${inside}/cni/addresses`),
  );
  // Nobody to ask for names outside of the cluster; without a line resolvers would ask the pod itself.
  await writeFile(path.join(run, 'resolv.conf'), `nameserver ${addresses.dns}\n`);
  await writeFile(path.join(run, 'kubelet.yaml'), kubeletSettings(addresses, folder.name));
  return {
    containerd: {
      name: 'containerd',
      file: programs.containerd,
      args: ['--config', `${inside}/containerd.toml`],
    },
    rest: [
      {
        name: 'kubelet',
        file: path.join(programs.bin, 'kubelet'),
        args: [
          `--config=${inside}/kubelet.yaml`,
          `--kubeconfig=${inside}/access/kubelet.conf`,
          `--root-dir=${inside}/kubelet`,
          `--cert-dir=${inside}/kubelet/pki`,
          `--hostname-override=${nodeName}`,
          `--node-ip=${addresses.node}`,
        ],
      },
      {
        name: 'kube-proxy',
        file: path.join(programs.bin, 'kube-proxy'),
        args: [
          `--kubeconfig=${inside}/access/kube-proxy.conf`,
          `--cluster-cidr=${addresses.pods}`,
          `--hostname-override=${nodeName}`,
          '--proxy-mode=iptables',
          '--nodeport-addresses=primary',
          // The size of the table is the whole machine's, and the namespace may not set it.
          '--conntrack-max-per-core=0',
          '--oom-score-adj=0',
        ],
      },
    ],
  };
}

/** Layers are mounted over each other, except where the folder itself is such a mount, as in a container. */
async function snapshotter(dir: string): Promise<string> {
  const { stdout } = await $`stat --file-system --format=%T ${dir}`;
  return stdout.trim() === 'overlayfs' ? 'native' : 'overlayfs';
}

function containerdSettings({ cniPlugins }: NodePrograms, sandboxImage: string, snapshotter: string): string {
  return `version = 2
root = "${inside}/containerd/root"
state = "${inside}/containerd/state"
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  # Where the machine may not grant it, no container could start with a lower score than its parent's.
  restrict_oom_score_adj = true
  # Goes with the cluster's other mounts.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniPlugins}"
    conf_dir = "${inside}/cni/conf"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
}

function kubeletSettings({ dns }: Addresses, controlGroup: string): string {
  return stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    // What it wants of the kernel has been shown to it (kernel-settings.sh): it has nothing to change.
    protectKernelDefaults: true,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${inside}/pki/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${controlGroup}`,
    clusterDNS: [dns],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    resolvConf: `${inside}/resolv.conf`,
    podLogsDir: `${inside}/pod-logs`,
    volumePluginDir: `${inside}/kubelet/volume-plugins`,
    failSwapOn: false,
    oomScoreAdj: 0,
    // The disk is the machine's, and images cannot be fetched again.
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '200Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    maxPods: 250,
  });
}
