import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { dashboards } from './dashboards.ts';
import { platformLabels, siteLabel } from './labels.ts';
import { platformAlerts } from './platform-alerts.ts';
import { type AlertRule, createAlertRules, createPodMonitor } from './prometheus.ts';

export interface MonitoringArgs {
  readonly namespace: pulumi.Input<string>;
  /** Labels by which Prometheus finds its monitors and rules. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether the platform's own service runs here. */
  readonly hasPlatform: boolean;
}

/**
 * What Prometheus and Grafana are told of the whole fleet: one PodMonitor for the pods of all sites and one for the
 * platform's, rules for what sites share and for the platform, two dashboards. Grafana's sidecar finds ConfigMaps by the
 * label `grafana_dashboard`. A site's own rules come with the site.
 */
export class Monitoring extends pulumi.ComponentResource {
  constructor(name: string, args: MonitoringArgs, options?: pulumi.ComponentResourceOptions) {
    super('ghost-fleet:components:Monitoring', name, {}, options);
    const labels = { ...platformLabels('monitoring'), ...args.labels };
    const metadataOf = (called: string) => ({ name: called, namespace: args.namespace, labels });
    const sites = {
      namespaceSelector: { any: true },
      selector: { matchExpressions: [{ key: siteLabel, operator: 'Exists' }] },
      // What a hostile site writes into its metrics takes nothing from its neighbours.
      sampleLimit: 5_000,
    };
    createPodMonitor(`${name}-sites`, metadataOf('sites'), sites, this);
    createAlertRules(`${name}-rules`, metadataOf('fleet'), { name: 'fleet', alerts: fleetAlerts }, this);
    if (args.hasPlatform) {
      const names = { key: 'app.kubernetes.io/name', operator: 'In', values: ['platform-api', 'platform-worker'] };
      const metadata = metadataOf('platform');
      createPodMonitor(`${name}-platform`, metadata, { selector: { matchExpressions: [names] } }, this);
      createAlertRules(`${name}-platform-rules`, metadata, { name: 'platform', alerts: platformAlerts }, this);
    }
    for (const [file, json] of Object.entries(dashboards())) {
      const dashboard = file.replace('.json', '');
      new k8s.core.v1.ConfigMap(
        `${name}-dashboard-${dashboard}`,
        {
          metadata: {
            name: `dashboard-${dashboard}`,
            namespace: args.namespace,
            labels: { ...labels, grafana_dashboard: '1' },
          },
          data: { [file]: json },
        },
        { parent: this },
      );
    }
    this.registerOutputs({});
  }
}

const available = 'kube_deployment_status_replicas_available{namespace=~"site-.+",deployment="ghost"}';
const fleetAlerts: readonly AlertRule[] = [
  {
    alert: 'FleetManySitesDown',
    expr: `count(${available} < 1) / count(${available}) > 0.05`,
    for: '5m',
    severity: 'critical',
    summary: 'more than one site in twenty has no ready pod: look at what they share',
  },
  {
    alert: 'FleetPoolerDown',
    expr: 'kube_deployment_status_replicas_available{deployment=~"pooler-.+"} < 1',
    for: '2m',
    severity: 'critical',
    summary: 'a pooler has no ready pod: its sites cannot reach their databases',
  },
  {
    alert: 'FleetServiceDown',
    expr: 'kube_statefulset_status_replicas_ready{statefulset=~"redis|search-.+"} < 1',
    for: '5m',
    severity: 'warning',
    summary: '{{ $labels.statefulset }} has no ready pod',
  },
  {
    alert: 'FleetCertificateExpires',
    expr: 'certmanager_certificate_expiration_timestamp_seconds - time() < 14 * 86400',
    for: '1h',
    severity: 'warning',
    summary: 'the certificate {{ $labels.name }} expires within two weeks and was not renewed',
  },
];
