import * as service from '../../../scripts/services/kubernetes-api-server.ts';
import { KubernetesApi } from '../providers/kubernetes/api.ts';
import { readKubeconfig } from '../providers/kubernetes/kubeconfig.ts';

/** A Kubernetes API without nodes, and a client of it. */
export interface ApiServer {
  /** File with an administrator's access. */
  readonly kubeconfig: string;
  readonly api: KubernetesApi;
  stop(): Promise<void>;
}

/**
 * Starts one and waits until it is ready.
 *
 * @param dir folder for data, keys and logs
 * @param bin folder of etcd, kube-apiserver and kube-controller-manager
 */
export async function startApiServer(dir: string, bin: string): Promise<ApiServer> {
  const { kubeconfig, stop } = await service.startApiServer(dir, bin);
  return { kubeconfig, api: new KubernetesApi(readKubeconfig(kubeconfig)), stop };
}
