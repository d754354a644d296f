import type { Kubectl } from '../kubectl.ts';

const inSystem = '--namespace=kube-system';

/** One is enough for one node, and need not have a tenth of a processor to itself. */
const deployment = {
  spec: {
    replicas: 1,
    template: { spec: { containers: [{ name: 'coredns', resources: { requests: { cpu: '10m' } } }] } },
  },
};

/**
 * Fits the CoreDNS that kind brings to one node.
 *
 * @param asksOthers whether the node reaches a server of names. Where it does not, CoreDNS says at once that it knows no other
 *   name than the cluster's, instead of waiting some seconds for each
 */
export async function fitCoreDns(kubectl: Kubectl, asksOthers: boolean): Promise<void> {
  if (!asksOthers) {
    const settings = await kubectl.read('get', 'configmap/coredns', inSystem, '--output=jsonpath={.data.Corefile}');
    const data = { Corefile: settings.replace(/^ *forward [^{\n]*\{[^}]*\}\n/m, '') };
    await kubectl.run(['patch', 'configmap/coredns', inSystem, `--patch=${JSON.stringify({ data })}`]);
  }
  await kubectl.run(['patch', 'deployment/coredns', inSystem, `--patch=${JSON.stringify(deployment)}`]);
}
