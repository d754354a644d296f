import * as pulumi from '@pulumi/pulumi';
import { siteLabels } from './labels.ts';
import { type AlertRule, createAlertRules } from './prometheus.ts';

export interface SiteAlertsArgs {
  readonly slug: string;
  readonly namespace: pulumi.Input<string>;
  /** Labels by which Prometheus finds its rules. */
  readonly ruleLabels: Readonly<Record<string, string>>;
  /** The site has a volume that can fill up. */
  readonly hasVolume: boolean;
  /** The site is to be backed up, at most so long ago. */
  readonly backupMaxAgeHours: number | undefined;
}

/** What of a site somebody has to be told. */
export class SiteAlerts extends pulumi.ComponentResource {
  constructor(name: string, args: SiteAlertsArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:SiteAlerts', name, {}, options);
    const { slug, namespace, ruleLabels } = args;
    const metadata = { name: 'ghost', namespace, labels: { ...siteLabels(slug), ...ruleLabels } };
    const group = { name: `site-${slug}`, alerts: siteRules(args), labels: { site: slug } };
    createAlertRules(`${name}-rules`, metadata, group, this);
    this.registerOutputs({});
  }
}

function siteRules({ slug, hasVolume, backupMaxAgeHours }: SiteAlertsArgs): AlertRule[] {
  const site = `site="${slug}"`;
  const namespace = `namespace="site-${slug}"`;
  const rules: AlertRule[] = [
    {
      alert: 'SiteDown',
      expr: `sum(kube_deployment_status_replicas_available{${namespace},deployment="ghost"}) < 1`,
      for: '5m',
      severity: 'critical',
      summary: `${slug} has had no ready pod for five minutes`,
    },
    {
      alert: 'SiteErrors',
      expr: `sum(rate(site_http_request_seconds_count{${site},status=~"5.."}[5m])) / sum(rate(site_http_request_seconds_count{${site}}[5m])) > 0.05`,
      for: '10m',
      severity: 'critical',
      summary: `${slug} answers more than one request in twenty with an error`,
    },
    {
      alert: 'SiteSlow',
      expr: `histogram_quantile(0.95, sum by (le) (rate(site_http_request_seconds_bucket{${site}}[5m]))) > 2.5`,
      for: '15m',
      severity: 'warning',
      summary: `${slug} takes more than 2.5 seconds for one request in twenty`,
    },
    {
      alert: 'SiteWaitsForConnections',
      expr: `max(site_database_pool{${site},use="awaited"}) > 5`,
      for: '10m',
      severity: 'warning',
      summary: `queries of ${slug} wait for a connection: its pool is too small or its queries too slow`,
    },
    {
      alert: 'SiteRestarts',
      expr: `increase(kube_pod_container_status_restarts_total{${namespace},container="ghost"}[1h]) > 3`,
      for: '0m',
      severity: 'warning',
      summary: `${slug} restarted more than three times within an hour`,
    },
  ];
  if (hasVolume) {
    rules.push({
      alert: 'SiteVolumeFull',
      expr: `kubelet_volume_stats_available_bytes{${namespace}} / kubelet_volume_stats_capacity_bytes{${namespace}} < 0.1`,
      for: '15m',
      severity: 'warning',
      summary: `the volume of ${slug} is nine tenths full`,
    });
  }
  if (backupMaxAgeHours !== undefined) {
    rules.push({
      alert: 'SiteBackupOld',
      expr: `time() - max(kube_cronjob_status_last_successful_time{${namespace},cronjob="backup"}) > ${backupMaxAgeHours * 3_600}`,
      for: '0m',
      severity: 'critical',
      summary: `${slug} has had no backup for ${backupMaxAgeHours} hours`,
    });
  }
  return rules;
}
