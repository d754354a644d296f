import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endInBackground, startInBackground } from './background.ts';
import { type ApiServer, requestRate } from './kubernetes-api-server.ts';
import { freePort } from './postgres.ts';

/** Nodes that run nothing: a pod that is scheduled to one says that it is ready, one of a Job that it is done. */
export interface FakeNodes {
  /** Ids of the processes behind them by their programs. */
  readonly pids: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** As many pods as Kubernetes recommends for a node at most. */
const podsOnNode = 110;
const readySeconds = 60;

/**
 * Adds nodes to an API server whose controllers run, and waits until they are ready: a real scheduler places the pods, kwok
 * plays the kubelets.
 *
 * @param dir folder for logs
 * @param bin folder of kube-scheduler and kwok
 */
export async function startFakeNodes(dir: string, bin: string, api: ApiServer, count: number): Promise<FakeNodes> {
  const children = new Map<string, ChildProcess>();
  const stop = async () => {
    for (const child of children.values()) await endInBackground(child);
  };
  const start = async (program: string, args: readonly string[]) => {
    // kwok reads settings from a home.
    const env = { PATH: process.env.PATH, HOME: dir };
    children.set(
      program,
      await startInBackground(path.join(bin, program), path.join(dir, `${program}.log`), args, env),
    );
  };
  try {
    await start('kube-scheduler', [
      `--kubeconfig=${api.kubeconfig}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${await freePort()}`,
      `--cert-dir=${path.join(dir, 'scheduler-certificates')}`,
      ...requestRate,
    ]);
    await start('kwok', [
      `--kubeconfig=${api.kubeconfig}`,
      '--manage-all-nodes=true',
      '--node-lease-duration-seconds=40',
      // What a kubelet would answer is asked of nobody: no port is opened.
      '--node-port=0',
      '--node-ip=198.18.0.1',
      '--cidr=198.18.0.0/16',
    ]);
    for (let at = 0; at < count; at += 1) await api.send('POST', '/api/v1/nodes', describeNode(at));
    await untilReady(api, count, path.join(dir, 'kwok.log'));
    return { pids: new Map([...children].map(([program, { pid = 0 }]) => [program, pid])), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function describeNode(at: number): object {
  const name = `fake-${at}`;
  const resources = { cpu: '32', memory: '256Gi', pods: String(podsOnNode) };
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'topology.kubernetes.io/zone': `zone-${at % 3}`,
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    status: { capacity: resources, allocatable: resources },
  };
}

interface NodeList {
  readonly items: readonly {
    readonly spec: { readonly taints?: readonly unknown[] };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

async function untilReady(api: ApiServer, count: number, log: string): Promise<void> {
  for (const deadline = Date.now() + readySeconds * 1000; ; ) {
    const { items } = JSON.parse(await api.send('GET', '/api/v1/nodes')) as NodeList;
    const ready = items.filter(
      ({ spec, status }) =>
        spec.taints === undefined &&
        status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    );
    if (ready.length >= count) return;
    if (Date.now() > deadline) {
      throw new Error(`expected ${count} fake nodes after ${readySeconds} s; got ${ready.length} (${log})`);
    }
    await sleep(200);
  }
}
