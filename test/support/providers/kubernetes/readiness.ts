import { setTimeout as sleep } from 'node:timers/promises';
import { isObject, type Properties, valueAt } from '../properties.ts';
import { ApiError, type KubernetesApi } from './api.ts';

/** Upstream's time for a workload to become ready. @see https://www.pulumi.com/registry/packages/kubernetes */
const defaultSeconds = 600;
/** How long a pod may be unable to start before that counts: a pull is tried again, a secret may come a moment later. */
const stuckSeconds = 30;
const pollMs = 500;
const logLines = 20;

/** Why a container waits, when waiting longer will not help. */
const stuckReasons = [
  'CreateContainerConfigError',
  'CreateContainerError',
  'ErrImageNeverPull',
  'ErrImagePull',
  'ImageInspectError',
  'ImagePullBackOff',
  'InvalidImageName',
  'RunContainerError',
];

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly {
      readonly name: string;
      readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
      readonly lastState?: { readonly terminated?: { readonly exitCode: number } };
    }[];
  };
}

/** Whether a workload is there, or why it never will be; undefined while that is open. */
type Verdict = { readonly ready: true } | { readonly failure: string } | undefined;

/** The workload was stored and did not become ready; `live` is how it stands. */
export class NotReadyError extends Error {
  readonly live: Properties;
  constructor(message: string, live: Properties) {
    super(message);
    this.name = 'NotReadyError';
    this.live = live;
  }
}

/**
 * Waits, as upstream's provider does, until a Deployment or StatefulSet runs what it was given, or a Job is done. Other
 * kinds are ready when they are stored. Where the cluster has no node, nothing can run, and nothing is waited for.
 *
 * @param path of the object on the server
 * @param seconds until it counts as failed; default 600
 * @returns the object as it stands then
 * @throws NotReadyError with what its pods say of themselves, the end of their logs included
 */
export async function untilReady(
  api: KubernetesApi,
  path: string,
  stored: Properties,
  seconds = defaultSeconds,
): Promise<Properties> {
  const judge = judges[String(stored.kind)];
  if (judge === undefined || isAnnotated(stored, 'pulumi.com/skipAwait')) return stored;
  if (!(await hasNodes(api))) return stored;
  const deadline = Date.now() + seconds * 1000;
  let stuckSince: number | undefined;
  for (;;) {
    const live = await api.send('GET', path);
    const verdict = judge(live);
    if (verdict !== undefined && 'ready' in verdict) return live;
    const pods = await podsOf(api, live);
    const stuck = pods.flatMap(describeStuck);
    stuckSince = stuck.length === 0 ? undefined : (stuckSince ?? Date.now());
    const failure =
      verdict?.failure ??
      (stuckSince !== undefined && Date.now() - stuckSince > stuckSeconds * 1000 ? 'cannot start' : undefined) ??
      (Date.now() > deadline ? `not ready after ${seconds} s` : undefined);
    if (failure !== undefined) {
      const reasons = [...stuck, ...(await readLogs(api, live, pods))];
      throw new NotReadyError([`${live.kind} ${nameOf(live)}: ${failure}`, ...reasons].join('\n'), live);
    }
    await sleep(pollMs);
  }
}

/** Whether an object is a Job that failed, and says that only a new one will do (`pulumi.com/replaceUnready`). */
export function mustBeReplaced(stored: Properties): boolean {
  const verdict = stored.kind === 'Job' ? judgeJob(stored) : undefined;
  return verdict !== undefined && 'failure' in verdict && isAnnotated(stored, 'pulumi.com/replaceUnready');
}

const judges: Readonly<Record<string, (live: Properties) => Verdict>> = {
  Deployment: judgeDeployment,
  StatefulSet: judgeStatefulSet,
  Job: judgeJob,
};

function judgeJob(live: Properties): Verdict {
  if (findCondition(live, 'Complete')?.status === 'True') return { ready: true };
  const failed = findCondition(live, 'Failed');
  return failed?.status === 'True' ? { failure: `failed: ${failed.message ?? failed.reason}` } : undefined;
}

function judgeDeployment(live: Properties): Verdict {
  const { wanted, count, isSeen } = replicasOf(live);
  if (!isSeen) return undefined;
  const progressing = findCondition(live, 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') return { failure: progressing.message ?? progressing.reason };
  const isRolled = count('updatedReplicas') >= wanted && count('replicas') === count('updatedReplicas');
  return isRolled && count('availableReplicas') >= wanted ? { ready: true } : undefined;
}

function judgeStatefulSet(live: Properties): Verdict {
  const { wanted, count, isSeen } = replicasOf(live);
  const isRolled = valueAt(live, 'status.updateRevision') === valueAt(live, 'status.currentRevision');
  return isSeen && isRolled && count('readyReplicas') >= wanted ? { ready: true } : undefined;
}

function replicasOf(live: Properties) {
  const count = (name: string) => Number(valueAt(live, `status.${name}`) ?? 0);
  return {
    wanted: Number(valueAt(live, 'spec.replicas') ?? 1),
    count,
    isSeen: count('observedGeneration') >= Number(valueAt(live, 'metadata.generation')),
  };
}

function findCondition(live: Properties, type: string): Condition | undefined {
  const conditions = valueAt(live, 'status.conditions') as readonly Condition[] | undefined;
  return conditions?.find((condition) => condition.type === type);
}

function isAnnotated(object: Properties, annotation: string): boolean {
  const annotations = valueAt(object, 'metadata.annotations');
  return isObject(annotations) && annotations[annotation] === 'true';
}

async function hasNodes(api: KubernetesApi): Promise<boolean> {
  const { items } = await api.send('GET', '/api/v1/nodes?limit=1');
  return Array.isArray(items) && items.length > 0;
}

async function podsOf(api: KubernetesApi, live: Properties): Promise<readonly Pod[]> {
  const labels = valueAt(live, 'spec.selector.matchLabels');
  if (!isObject(labels)) return [];
  const labelSelector = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const query = new URLSearchParams({ labelSelector: labelSelector.join(',') });
  const { items } = await api.send('GET', `/api/v1/namespaces/${namespaceOf(live)}/pods?${query}`);
  return (items ?? []) as readonly Pod[];
}

function describeStuck({ metadata, status }: Pod): string[] {
  const waiting = (status?.containerStatuses ?? []).flatMap(({ name, state }) => {
    const { reason = '', message = '' } = state?.waiting ?? {};
    return stuckReasons.includes(reason) ? [`Pod ${metadata.name}, ${name}: ${reason} ${message}`.trimEnd()] : [];
  });
  const unscheduled = (status?.conditions ?? []).filter(
    ({ type, status: holds, reason }) => type === 'PodScheduled' && holds === 'False' && reason === 'Unschedulable',
  );
  return [...waiting, ...unscheduled.map(({ message }) => `Pod ${metadata.name}: ${message}`)];
}

/** The end of what each pod that did not succeed has written; of a container that was started again, before that. */
async function readLogs(api: KubernetesApi, live: Properties, pods: readonly Pod[]): Promise<string[]> {
  const texts = pods.map(async ({ metadata, status }) => {
    if (status?.phase === 'Succeeded' || status?.phase === 'Pending') return [];
    const previous = (status?.containerStatuses ?? []).some(({ lastState }) => lastState?.terminated !== undefined);
    const query = new URLSearchParams({ tailLines: String(logLines), previous: String(previous) });
    try {
      const text = await api.read(`/api/v1/namespaces/${namespaceOf(live)}/pods/${metadata.name}/log?${query}`);
      return [`Pod ${metadata.name} wrote:`, ...text.trimEnd().split('\n')];
    } catch (error) {
      if (error instanceof ApiError) return [`Pod ${metadata.name}: its log cannot be read: ${error.message}`];
      throw error;
    }
  });
  return (await Promise.all(texts)).flat();
}

function namespaceOf(live: Properties): string {
  return String(valueAt(live, 'metadata.namespace'));
}

function nameOf(live: Properties): string {
  return `${namespaceOf(live)}/${valueAt(live, 'metadata.name')}`;
}
