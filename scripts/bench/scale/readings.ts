import type { Stand } from '../preview/stand.ts';
import { residentOf } from '../process-tree.ts';

/** How a cluster stands at one moment. */
export interface Reading {
  /** Requests to the API server since its start, by whomever. */
  readonly requests: number;
  /** Those among them that apply an object, which the engine's provider alone does. */
  readonly applied: number;
  /** Size of etcd's database, in MiB. */
  readonly storeMiB: number;
  /** Resident memory by program, in MiB. */
  readonly memory: ReadonlyMap<string, number>;
  /** Pods that a node says it runs, those of Jobs not counted: they are done. */
  readonly running: number;
}

export async function readCluster({ kubernetes, pids }: Stand): Promise<Reading> {
  const metrics = await kubernetes.send('GET', '/metrics');
  const pods = await kubernetes.send('GET', '/api/v1/pods?fieldSelector=status.phase%3DRunning');
  const { items } = JSON.parse(pods) as {
    readonly items: readonly { readonly spec: { readonly nodeName?: string } }[];
  };
  return {
    requests: sumOf(metrics, 'apiserver_request_total'),
    applied: sumOf(metrics, 'apiserver_request_total', 'verb="APPLY"'),
    storeMiB: sumOf(metrics, 'apiserver_storage_size_bytes') / 1024 ** 2,
    memory: new Map([...pids].map(([program, pid]) => [program, residentOf(pid)])),
    running: items.filter(({ spec }) => spec.nodeName !== undefined).length,
  };
}

/**
 * Sum of a metric's samples in Prometheus' text format.
 *
 * @param label what a sample's labels must hold, such as `verb="APPLY"`
 * @returns NaN where there is no such metric at all
 */
export function sumOf(metrics: string, name: string, label = ''): number {
  const samples = metrics.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  if (samples.length === 0) return Number.NaN;
  return samples
    .filter((line) => line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
