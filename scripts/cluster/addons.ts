import path from 'node:path';
import { manifest } from '../tools/manifest.ts';
import { moduleFiles } from '../tools/module-files.ts';
import type { Kubectl } from './kubectl.ts';

/** What a cluster needs beside Kubernetes itself, by the manifest in `addons/` that brings it. */
export type Addon = 'coredns' | 'storage' | 'storage-class' | 'traefik' | 'metrics-server';

/** Deployments of the addons, which are ready when the addon is. */
const deployments: Readonly<Partial<Record<Addon, { readonly namespace: string; readonly name: string }>>> = {
  coredns: { namespace: 'kube-system', name: 'coredns' },
  storage: { namespace: 'local-path-storage', name: 'local-path-provisioner' },
  traefik: { namespace: 'traefik', name: 'traefik' },
  'metrics-server': { namespace: 'kube-system', name: 'metrics-server' },
};

/** Those of some addons; a storage class has none. */
function deploymentsOf(addons: readonly Addon[]) {
  return addons.flatMap((addon) => {
    const deployment = deployments[addon];
    return deployment === undefined ? [] : [{ addon, ...deployment }];
  });
}

/** Path of a manifest in `addons/`. */
export function manifestFile(name: string): string {
  return path.join(import.meta.dirname, 'addons', `${name}.yaml`);
}

/**
 * Installs the definitions of the Gateway API and the addons, and waits until they are ready.
 *
 * @param root top level of the checkout
 * @param values what the manifests leave open
 * @throws Error with the events of the namespace where one is not ready in two minutes
 */
export async function installAddons(
  kubectl: Kubectl,
  root: string,
  addons: readonly Addon[],
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const definitions = await moduleFiles(root, manifest.gatewayApi);
  await kubectl.run(['apply', '--server-side', '--force-conflicts', `--filename=${definitions}`]);
  await kubectl.run([
    'wait',
    '--for=condition=Established',
    '--timeout=60s',
    'crd/gatewayclasses.gateway.networking.k8s.io',
  ]);
  for (const addon of addons) await kubectl.applyManifest(manifestFile(addon), values);
  await waitForAddons(kubectl, addons);
  if (addons.includes('metrics-server')) {
    await kubectl.run(['wait', '--for=condition=Available', '--timeout=120s', 'apiservice/v1beta1.metrics.k8s.io']);
  }
}

/** Starts the addons' pods anew, so that whoever waits for them does not believe what was known before their node ended. */
export async function restartAddons(kubectl: Kubectl, addons: readonly Addon[]): Promise<void> {
  for (const { namespace, name } of deploymentsOf(addons))
    await kubectl.run(['rollout', 'restart', `deployment/${name}`, `--namespace=${namespace}`]);
}

/** @throws Error with the events of the namespace where one is not ready in two minutes */
export async function waitForAddons(kubectl: Kubectl, addons: readonly Addon[]): Promise<void> {
  for (const { namespace, name } of deploymentsOf(addons)) await waitForDeployment(kubectl, namespace, name);
}

/** @throws Error with the events of its namespace where it is not ready in two minutes */
export async function waitForDeployment(kubectl: Kubectl, namespace: string, name: string): Promise<void> {
  const args = ['rollout', 'status', `deployment/${name}`, `--namespace=${namespace}`, '--timeout=120s'];
  try {
    await kubectl.run(args);
  } catch (error) {
    const events = await kubectl.read('get', 'events', `--namespace=${namespace}`, '--sort-by=.lastTimestamp');
    throw new Error(`${namespace}/${name} is not ready:\n${events.split('\n').slice(-8).join('\n')}`, { cause: error });
  }
}

/** Whether each of the addons is ready, for `status`. */
export async function addonStatus(kubectl: Kubectl, addons: readonly Addon[]) {
  const parts: { part: string; healthy: boolean; detail: string }[] = [];
  for (const { addon, namespace, name } of deploymentsOf(addons)) {
    const path = '{.status.readyReplicas}/{.spec.replicas} ready';
    const detail = await kubectl
      .read('get', 'deployment', name, `--namespace=${namespace}`, `--output=jsonpath=${path}`)
      .catch(() => 'missing');
    parts.push({ part: addon, healthy: /^(\d+)\/\1 ready$/.test(detail), detail: detail.replace(/^\//, '0/') });
  }
  return parts;
}
