import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { siteLabels } from './labels.ts';
import { restrictedContainer, restrictedPod } from './pod-security.ts';
import type { SitePod } from './site-pod.ts';

export interface SiteBackupArgs {
  readonly slug: string;
  readonly namespace: pulumi.Input<string>;
  readonly image: pulumi.Input<string>;
  /** What the site's own pods mount and are told: a backup sees the same database and files. */
  readonly pod: SitePod;
  /** Five fields of cron, in UTC. */
  readonly schedule: string;
  readonly retentionDays: number;
  /** `volume`, or a place such as `s3://bucket/prefix`. */
  readonly target: string;
  /** False: the CronJob stands, and rests. */
  readonly enabled: boolean;
  /** The volume can be mounted on one node only, and the site has it. */
  readonly besideSite: boolean;
}

/** Backups of a site by its own image, on its plan's schedule, and only one at a time. */
export class SiteBackup extends pulumi.ComponentResource {
  constructor(name: string, args: SiteBackupArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteBackup', name, {}, options);
    const labels = siteLabels(args.slug, 'backup');
    new k8s.batch.v1.CronJob(
      `${name}-schedule`,
      {
        metadata: { name: 'backup', namespace: args.namespace, labels },
        spec: {
          schedule: args.schedule,
          timeZone: 'Etc/UTC',
          suspend: !args.enabled,
          concurrencyPolicy: 'Forbid',
          startingDeadlineSeconds: 3_600,
          successfulJobsHistoryLimit: 1,
          failedJobsHistoryLimit: 3,
          jobTemplate: {
            metadata: { labels },
            spec: {
              backoffLimit: 3,
              activeDeadlineSeconds: 6 * 3_600,
              ttlSecondsAfterFinished: 7 * 86_400,
              template: { metadata: { labels }, spec: backupPod(args) },
            },
          },
        },
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

function backupPod(args: SiteBackupArgs): k8s.types.input.core.v1.PodSpec {
  const neighbour = {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: siteLabels(args.slug) } },
      ],
    },
  };
  return {
    restartPolicy: 'Never',
    serviceAccountName: args.pod.serviceAccountName,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: restrictedPod(),
    ...(args.besideSite ? { affinity: neighbour } : {}),
    volumes: args.pod.volumes,
    containers: [
      {
        name: 'backup',
        image: args.image,
        args: ['backup', '--target', args.target, '--retention-days', String(args.retentionDays)],
        envFrom: args.pod.envFrom,
        securityContext: restrictedContainer,
        resources: { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '1', memory: '512Mi' } },
        volumeMounts: args.pod.volumeMounts,
      },
    ],
  };
}
