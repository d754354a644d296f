import path from 'node:path';
import type { Addresses } from './addresses.ts';
import type { Program } from './programs.ts';
import { inside } from './sandbox.ts';

const pki = `${inside}/pki`;
const access = `${inside}/access`;
const etcdUrl = 'http://127.0.0.1:2379';

/** Enough for a thousand sites to come up at once; the defaults of 20 and 30 requests a second are for patience. */
const requestRate = ['--kube-api-qps=300', '--kube-api-burst=600'];

/** The programs of the control plane, in the order they start, as `kubeadm` would run them. */
export function controlPlane(bin: string, addresses: Addresses): readonly Program[] {
  const program = (name: string, args: readonly string[]): Program => ({ name, file: path.join(bin, name), args });
  return [
    program('etcd', [
      `--data-dir=${inside}/etcd`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      '--listen-peer-urls=http://127.0.0.1:2380',
      // The cluster's objects go with the cluster; what matters lies on volumes.
      '--unsafe-no-fsync',
    ]),
    program('kube-apiserver', apiServerArguments(addresses)),
    program('kube-controller-manager', controllerManagerArguments(addresses)),
    program('kube-scheduler', [
      ...componentAccess('scheduler'),
      ...requestRate,
      '--bind-address=127.0.0.1',
      '--leader-elect=false',
    ]),
  ];
}

function apiServerArguments({ node, services }: Addresses): string[] {
  return [
    `--advertise-address=${node}`,
    '--bind-address=0.0.0.0',
    '--secure-port=6443',
    `--etcd-servers=${etcdUrl}`,
    `--service-cluster-ip-range=${services}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--client-ca-file=${pki}/ca.crt`,
    `--tls-cert-file=${pki}/apiserver.crt`,
    `--tls-private-key-file=${pki}/apiserver.key`,
    `--kubelet-client-certificate=${pki}/apiserver-kubelet-client.crt`,
    `--kubelet-client-key=${pki}/apiserver-kubelet-client.key`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${pki}/sa.pub`,
    `--service-account-signing-key-file=${pki}/sa.key`,
    // For the metrics server, which answers in the API server's name.
    `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-username-headers=X-Remote-User',
    `--proxy-client-cert-file=${pki}/front-proxy-client.crt`,
    `--proxy-client-key-file=${pki}/front-proxy-client.key`,
  ];
}

function controllerManagerArguments({ pods, services }: Addresses): string[] {
  return [
    ...componentAccess('controller-manager'),
    ...requestRate,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
    '--use-service-account-credentials=true',
    `--client-ca-file=${pki}/ca.crt`,
    `--root-ca-file=${pki}/ca.crt`,
    `--cluster-signing-cert-file=${pki}/ca.crt`,
    `--cluster-signing-key-file=${pki}/ca.key`,
    `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
    `--service-account-private-key-file=${pki}/sa.key`,
    '--allocate-node-cidrs=true',
    `--cluster-cidr=${pods}`,
    `--service-cluster-ip-range=${services}`,
  ];
}

function componentAccess(component: string): string[] {
  const file = `${access}/${component}.conf`;
  return [`--kubeconfig=${file}`, `--authentication-kubeconfig=${file}`, `--authorization-kubeconfig=${file}`];
}
