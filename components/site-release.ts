import { createHash } from 'node:crypto';
import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import type { Plan } from '../sites/plans.ts';
import type { Site } from '../sites/schema.ts';
import { siteLabel, siteLabels } from './labels.ts';
import { restrictedContainer, restrictedPod } from './pod-security.ts';
import type { SitePod } from './site-pod.ts';

/** How long migrations may take; an image that cannot be pulled shows long before. */
const deadlineSeconds = 1_800;

export interface SiteReleaseArgs {
  readonly slug: string;
  readonly namespace: pulumi.Input<string>;
  readonly image: pulumi.Input<string>;
  readonly plan: Plan;
  readonly state: Site['state'];
  readonly pod: SitePod;
  /** Whether the site's database is a file on its volume. */
  readonly onSqlite: boolean;
  /** The volume can be mounted on one node only, and the site has it. */
  readonly besideSite: boolean;
  /** Whatever makes the site's pods other pods, beside the image. */
  readonly fingerprint: pulumi.Input<string>;
}

/**
 * A Job that tries what the site's next pods will do, before the present ones are touched: it pulls the image, reads the
 * configuration, and migrates: a database for good, since its site goes on beside; a SQLite file on a copy, since its site
 * has to stop before the next starts. `pulumi up` waits for the Job, and leaves the site as it is where the Job fails.
 */
export class SiteRelease extends pulumi.ComponentResource {
  /** The Job; what must not happen without it depends on it. */
  readonly job: k8s.batch.v1.Job;

  constructor(name: string, args: SiteReleaseArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteRelease', name, {}, options);
    const labels = siteLabels(args.slug, 'release');
    // A Job cannot be changed, so each release has one of its own.
    const key = pulumi
      .all([args.image, args.fingerprint])
      .apply((parts) => createHash('sha256').update(parts.join()).digest('hex').slice(0, 10));
    this.job = new k8s.batch.v1.Job(
      `${name}-release`,
      {
        metadata: {
          name: pulumi.interpolate`release-${key}`,
          namespace: args.namespace,
          labels,
          // One that failed is made anew by the next `pulumi up`.
          annotations: { 'pulumi.com/replaceUnready': 'true' },
        },
        spec: {
          backoffLimit: 0,
          activeDeadlineSeconds: deadlineSeconds,
          // A node that is drained says nothing about the release.
          podFailurePolicy: {
            rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
          },
          template: { metadata: { labels }, spec: releasePod(args, labels) },
        },
      },
      { parent: this, customTimeouts: { create: `${deadlineSeconds + 60}s` } },
    );
    this.registerOutputs({});
  }
}

function releasePod(args: SiteReleaseArgs, labels: Record<string, string>): k8s.types.input.core.v1.PodSpec {
  const { plan, pod } = args;
  // Where the site's pod has the volume. The first pod of all matches its own selector, and may go anywhere.
  const beside = {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        {
          topologyKey: 'kubernetes.io/hostname',
          labelSelector: { matchLabels: { [siteLabel]: labels[siteLabel] ?? '' } },
        },
      ],
    },
  };
  return {
    restartPolicy: 'Never',
    serviceAccountName: pod.serviceAccountName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: restrictedPod(),
    ...(args.besideSite ? { affinity: beside } : {}),
    volumes: pod.volumes,
    containers: [
      {
        name: 'release',
        image: args.image,
        args: trialOf(args),
        envFrom: pod.envFrom,
        securityContext: restrictedContainer,
        resources: { requests: { ...plan.resources.requests }, limits: { ...plan.resources.limits } },
        volumeMounts: pod.volumeMounts,
      },
    ],
  };
}

/** The entrypoint's arguments. A site that rests migrates when it is active again. */
function trialOf({ state, onSqlite }: SiteReleaseArgs): string[] {
  if (state !== 'active') return ['config'];
  return onSqlite ? ['migrate', '--rehearse'] : ['migrate'];
}
