import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { Plan } from '../sites/plans.ts';
import type { Site } from '../sites/schema.ts';
import { type Binding, secretsPath } from './binding.ts';
import { fingerprintOf } from './fingerprint.ts';
import { siteLabels } from './labels.ts';
import { restrictedContainer, restrictedPod } from './pod-security.ts';
import { contentPath, describePod, type SitePod } from './site-pod.ts';
import { SiteRelease } from './site-release.ts';
import { volumeClaimSpec } from './volume-claim.ts';

export const sitePort = 2368;
export const probePort = 2369;
export const serviceAccountName = 'ghost';

/** From SIGTERM on: how long the site still answers, and how long until it is gone. */
const drainSeconds = 10;
const shutdownSeconds = 40;

export interface SiteWorkloadArgs {
  readonly slug: string;
  readonly namespace: pulumi.Input<string>;
  readonly image: pulumi.Input<string>;
  readonly plan: Plan;
  readonly state: Site['state'];
  /** Replicas at least and at most; more than one only where nothing lies on a volume. */
  readonly scaling: { readonly min: number; readonly max: number };
  /** How long the load has to stay low before replicas go. */
  readonly scaleInSeconds: number;
  /** Size of the volume with everything that the site keeps in files; none where it keeps nothing there. */
  readonly volumeGiB: number | undefined;
  readonly storageClass: string | undefined;
  /** Whether the site's database is a file on that volume. */
  readonly onSqlite: boolean;
  /** What the parts of the site tell its container. */
  readonly bindings: readonly Binding[];
  readonly serviceAccountAnnotations: Readonly<Record<string, pulumi.Input<string>>>;
}

/** A site's pods: Ghost, its files, its configuration, and how many there are. */
export class SiteWorkload extends pulumi.ComponentResource {
  readonly serviceName: pulumi.Output<string>;
  /** Mounts and variables of the site's container, for pods that do something beside it, such as a backup. */
  readonly pod: SitePod;

  constructor(name: string, args: SiteWorkloadArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteWorkload', name, {}, options);
    const metadata = { name: 'ghost', namespace: args.namespace, labels: siteLabels(args.slug) };

    const account = new k8s.core.v1.ServiceAccount(
      `${name}-account`,
      {
        metadata: { ...metadata, name: serviceAccountName, annotations: args.serviceAccountAnnotations },
        automountServiceAccountToken: false,
      },
      { parent: this },
    );
    const environment = environmentOf(args);
    const config = new k8s.core.v1.ConfigMap(
      `${name}-config`,
      { metadata: { ...metadata, name: 'ghost-config' }, data: environment },
      { parent: this },
    );
    const volume = args.volumeGiB === undefined ? undefined : this.#createVolume(name, args, args.volumeGiB);
    this.pod = describePod(args.bindings, config.metadata.name, account.metadata.name, volume?.metadata.name);
    const annotations = fingerprints(args, environment);
    const { job } = new SiteRelease(
      name,
      {
        ...args,
        pod: this.pod,
        besideSite: args.volumeGiB !== undefined,
        fingerprint: pulumi.jsonStringify(annotations),
      },
      { parent: this },
    );
    this.#createDeployment(name, args, metadata, annotations, job);
    const service = new k8s.core.v1.Service(
      `${name}-service`,
      {
        metadata,
        spec: {
          selector: siteLabels(args.slug),
          // The second one is the platform's worker's, and Prometheus': SiteNetwork lets nobody else in.
          ports: [
            { name: 'http', port: sitePort, targetPort: 'http' },
            { name: 'probes', port: probePort, targetPort: 'probes' },
          ],
        },
      },
      { parent: this },
    );
    // One at a time: a node can be drained even where the site has a single pod, and never takes two.
    new k8s.policy.v1.PodDisruptionBudget(
      `${name}-disruption`,
      { metadata, spec: { maxUnavailable: 1, selector: { matchLabels: siteLabels(args.slug) } } },
      { parent: this },
    );
    if (scales(args)) this.#createAutoscaler(name, args, metadata);

    this.serviceName = service.metadata.name;
    this.registerOutputs({ serviceName: this.serviceName });
  }

  #createVolume(name: string, args: SiteWorkloadArgs, volumeGiB: number): k8s.core.v1.PersistentVolumeClaim {
    return new k8s.core.v1.PersistentVolumeClaim(
      `${name}-content`,
      {
        metadata: { name: 'ghost-content', namespace: args.namespace, labels: siteLabels(args.slug) },
        spec: volumeClaimSpec(volumeGiB, args.storageClass),
      },
      // What Kubernetes cannot change in place would replace the claim, and a new claim is an empty disk.
      { parent: this, retainOnDelete: true, ignoreChanges: ['spec.storageClassName', 'spec.accessModes'] },
    );
  }

  #createDeployment(
    name: string,
    args: SiteWorkloadArgs,
    metadata: { name: string; namespace: pulumi.Input<string>; labels: Record<string, string> },
    annotations: Readonly<Record<string, pulumi.Input<string>>>,
    release: k8s.batch.v1.Job,
  ): void {
    const rolling = args.volumeGiB === undefined;
    new k8s.apps.v1.Deployment(
      `${name}-deployment`,
      {
        metadata,
        spec: {
          // Where the autoscaler decides nobody else names a number: applying one would end the pods of a loaded site.
          ...(scales(args) ? {} : { replicas: args.state === 'active' ? args.scaling.min : 1 }),
          revisionHistoryLimit: 3,
          progressDeadlineSeconds: 300,
          selector: { matchLabels: siteLabels(args.slug) },
          strategy: rolling
            ? { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
            : { type: 'Recreate' },
          template: {
            metadata: { labels: siteLabels(args.slug), annotations },
            spec: sitePodSpec(args, this.pod),
          },
        },
      },
      { parent: this, dependsOn: [release] },
    );
  }

  #createAutoscaler(
    name: string,
    args: SiteWorkloadArgs,
    metadata: { name: string; namespace: pulumi.Input<string>; labels: Record<string, string> },
  ): void {
    new k8s.autoscaling.v2.HorizontalPodAutoscaler(
      `${name}-autoscaler`,
      {
        metadata,
        spec: {
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'ghost' },
          minReplicas: args.scaling.min,
          maxReplicas: args.scaling.max,
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
          ],
          behavior: { scaleDown: { stabilizationWindowSeconds: args.scaleInSeconds } },
        },
      },
      { parent: this },
    );
  }
}

function scales(args: SiteWorkloadArgs): boolean {
  return args.state === 'active' && args.volumeGiB === undefined && args.scaling.max > 1;
}

/** Every plain variable of the container, and for each secret the file that it is read from. */
function environmentOf(args: SiteWorkloadArgs): Record<string, pulumi.Input<string>> {
  const own = {
    SITE_SLUG: args.slug,
    MULTISITE_ENABLED: 'true',
    CONTENT_PATH: contentPath,
    HOST: '0.0.0.0',
    PORT: String(sitePort),
    PROBE_PORT: String(probePort),
    DRAIN_SECONDS: String(drainSeconds),
    SHUTDOWN_SECONDS: String(shutdownSeconds),
  };
  const files = args.bindings.flatMap(({ secret }) =>
    (secret?.variables ?? []).map((variable) => [`${variable}_FILE`, `${secretsPath}/${variable}`]),
  );
  return Object.assign({}, own, ...args.bindings.map((binding) => binding.environment), Object.fromEntries(files));
}

/** A pod reads its configuration when it starts, so a change of it has to be a change of the pod. */
function fingerprints(
  args: SiteWorkloadArgs,
  environment: Readonly<Record<string, pulumi.Input<string>>>,
): Record<string, pulumi.Output<string>> {
  const secrets = args.bindings.flatMap(({ secret }) => (secret === undefined ? [] : [secret.fingerprint]));
  return {
    'ghost-fleet.dev/config': pulumi.jsonStringify(environment).apply(fingerprintOf),
    ...(secrets.length === 0
      ? {}
      : { 'ghost-fleet.dev/secrets': pulumi.all(secrets).apply((all) => fingerprintOf(all.join())) }),
  };
}

function sitePodSpec(args: SiteWorkloadArgs, pod: SitePod): k8s.types.input.core.v1.PodSpec {
  const probe = (path: string, rest: object) => ({ httpGet: { path, port: 'probes' }, timeoutSeconds: 3, ...rest });
  return {
    serviceAccountName: pod.serviceAccountName,
    automountServiceAccountToken: false,
    // Service links would put a variable for every Service of the namespace beside Ghost's own.
    enableServiceLinks: false,
    securityContext: restrictedPod(),
    terminationGracePeriodSeconds: shutdownSeconds + 5,
    topologySpreadConstraints: ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchLabels: siteLabels(args.slug) },
    })),
    volumes: pod.volumes,
    containers: [
      {
        name: 'ghost',
        image: args.image,
        // A paused or suspended site keeps its place and answers with a maintenance page.
        args: args.state === 'active' ? [] : ['maintenance'],
        envFrom: pod.envFrom,
        ports: [
          { name: 'http', containerPort: sitePort },
          { name: 'probes', containerPort: probePort },
        ],
        securityContext: restrictedContainer,
        resources: { requests: { ...args.plan.resources.requests }, limits: { ...args.plan.resources.limits } },
        volumeMounts: pod.volumeMounts,
        // Migrations run before the site is ready, but the process answers from its first second.
        startupProbe: probe('/livez', { periodSeconds: 2, failureThreshold: 60 }),
        livenessProbe: probe('/livez', { periodSeconds: 10, failureThreshold: 6 }),
        readinessProbe: probe('/readyz', { periodSeconds: 5, failureThreshold: 2 }),
      },
    ],
  };
}
