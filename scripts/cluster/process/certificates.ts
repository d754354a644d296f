import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { $ } from 'zx';
import { manifest } from '../../tools/manifest.ts';
import { type ClusterFolder, contextName } from '../cluster.ts';
import type { Addresses } from './addresses.ts';

export const nodeName = 'node';

interface Kubeconfig {
  clusters: { name: string; cluster: Record<string, string> }[];
  users: { name: string; user: Record<string, string> }[];
  contexts: { name: string; context: { cluster: string; user: string } }[];
}

/**
 * Makes the cluster's keys and certificates (`run/pki`), what its programs get in by (`run/access`), and the
 * administrator's kubeconfig; what is there stays.
 *
 * @param bin folder of kubeadm
 */
export async function makeCertificates(folder: ClusterFolder, addresses: Addresses, bin: string): Promise<void> {
  const access = path.join(folder.run, 'access');
  await mkdir(access, { recursive: true, mode: 0o700 });
  const file = path.join(folder.run, 'kubeadm.yaml');
  await writeFile(file, describeCluster(folder, addresses));
  const kubeadm = path.join(bin, 'kubeadm');
  // It asks the internet for the newest release unless told to go without.
  const shell = $({ quiet: true, env: { ...process.env, KUBECONFIG: '' } });
  await shell`${kubeadm} init phase certs all --config ${file}`;
  await shell`${kubeadm} init phase kubeconfig all --config ${file} --kubeconfig-dir ${access}`;
  const proxy = path.join(access, 'kube-proxy.conf');
  if (!existsSync(proxy)) {
    const { stdout } = await shell`${kubeadm} kubeconfig user --config ${file} --client-name system:kube-proxy`;
    await writeFile(proxy, stdout, { mode: 0o600 });
  }
  const administrator = parse(await readFile(path.join(access, 'admin.conf'), 'utf8')) as Kubeconfig;
  await writeFile(folder.kubeconfig, renameContext(administrator), { mode: 0o600 });
}

function describeCluster(folder: ClusterFolder, { node, pods, services }: Addresses): string {
  const apiVersion = 'kubeadm.k8s.io/v1beta4';
  const documents = [
    {
      apiVersion,
      kind: 'InitConfiguration',
      localAPIEndpoint: { advertiseAddress: node, bindPort: 6443 },
      nodeRegistration: { name: nodeName },
    },
    {
      apiVersion,
      kind: 'ClusterConfiguration',
      kubernetesVersion: `v${manifest.tools.kubelet.version}`,
      certificatesDir: path.join(folder.run, 'pki'),
      controlPlaneEndpoint: `${node}:6443`,
      networking: { podSubnet: pods, serviceSubnet: services, dnsDomain: 'cluster.local' },
      apiServer: { certSANs: ['127.0.0.1', 'localhost', node] },
      // So that no certificates are made for it: it listens on the node's own loopback.
      etcd: { external: { endpoints: ['http://127.0.0.1:2379'] } },
    },
  ];
  return documents.map((document) => stringify(document)).join('---\n');
}

/** The kubeconfig with its one context under this project's name. */
function renameContext({ clusters, users }: Kubeconfig): string {
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': contextName,
    clusters: [{ name: contextName, cluster }],
    users: [{ name: contextName, user }],
    contexts: [{ name: contextName, context: { cluster: contextName, user: contextName } }],
  });
}
