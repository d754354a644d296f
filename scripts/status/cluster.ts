import { siteLabel } from '../../components/labels.ts';
import type { StatusRow } from './row.ts';

/** The part of Kubernetes' objects that is read here. */
export interface ClusterObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas?: number;
    readonly suspend?: boolean;
    readonly template?: {
      readonly spec: { readonly containers: readonly { image: string; args?: readonly string[] }[] };
    };
  };
  readonly status?: {
    readonly readyReplicas?: number;
    readonly lastSuccessfulTime?: string;
    readonly phase?: string;
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly ready: boolean;
      readonly state: {
        readonly waiting?: { readonly reason?: string };
        readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
      };
    }[];
  };
}

/** Kinds that {@link readCluster} wants to see, as kubectl names them. */
export const clusterKinds = 'deployments,pods,configmaps,cronjobs';

/** Label selector of everything that belongs to a site. */
export const clusterSelector = siteLabel;

/** A row for each site whose Deployment is among the objects. */
export function readCluster(objects: readonly ClusterObject[]): StatusRow[] {
  const bySite = Map.groupBy(objects, ({ metadata }) => metadata.labels?.[siteLabel] ?? '');
  return [...bySite]
    .flatMap(([site, own]) => (site === '' ? [] : readSite(site, own)))
    .sort((one, other) => (one.site < other.site ? -1 : 1));
}

function readSite(site: string, objects: readonly ClusterObject[]): StatusRow[] {
  const find = (kind: string, name: string) =>
    objects.find((object) => object.kind === kind && object.metadata.name === name);
  const deployment = find('Deployment', 'ghost');
  if (deployment === undefined) return [];
  const pods = objects.filter(
    ({ kind, metadata }) => kind === 'Pod' && metadata.labels?.['app.kubernetes.io/name'] === 'ghost',
  );
  const [container] = deployment.spec?.template?.spec.containers ?? [];
  const [wanted, ready] = [deployment.spec?.replicas ?? 1, deployment.status?.readyReplicas ?? 0];
  const config = find('ConfigMap', 'ghost-config')?.data;
  const backup = find('CronJob', 'backup');
  const rests = container?.args?.includes('maintenance') ?? false;
  return [
    {
      site,
      state: rests ? 'paused' : stateOf(pods, ready, wanted),
      version: container?.image.replace(/^.*\//, ''),
      database: config === undefined ? undefined : databaseOf(config),
      replicas: `${ready}/${wanted}`,
      restarts: pods.reduce((sum, pod) => sum + (pod.status?.containerStatuses?.[0]?.restartCount ?? 0), 0),
      lastBackup: backup?.status?.lastSuccessfulTime ?? (backup?.spec?.suspend ? 'suspended' : undefined),
      url: config?.SITE_URL,
    },
  ];
}

/** `ready` as soon as somebody answers; else why nobody does. */
function stateOf(pods: readonly ClusterObject[], ready: number, wanted: number): string {
  if (wanted === 0) return 'stopped';
  const reasons = pods.flatMap((pod) => {
    const [status] = pod.status?.containerStatuses ?? [];
    const { waiting, terminated } = status?.state ?? {};
    if (terminated !== undefined) return [`${terminated.reason ?? 'ended'} with ${terminated.exitCode}`];
    return waiting?.reason === undefined || waiting.reason === 'ContainerCreating' ? [] : [waiting.reason];
  });
  const why = reasons.length === 0 ? '' : ` (${[...new Set(reasons)].join(', ')})`;
  if (ready >= wanted) return 'ready';
  return ready > 0 ? `ready in part${why}` : `${reasons.length === 0 ? 'starting' : 'not ready'}${why}`;
}

function databaseOf(config: Readonly<Record<string, string>>): string {
  const { DATABASE_CLIENT, DATABASE_NAME, DATABASE_SCHEMA, DATABASE_STRATEGY, DATABASE_HOST } = config;
  if (DATABASE_CLIENT !== 'postgres') return 'sqlite';
  const schema = DATABASE_STRATEGY === 'schema' && DATABASE_SCHEMA !== undefined ? `.${DATABASE_SCHEMA}` : '';
  return `postgres ${DATABASE_NAME ?? ''}${schema} on ${DATABASE_HOST ?? '?'}`;
}
