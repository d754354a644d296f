import * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';

/** A rule of Prometheus as this project writes it: how bad, and what to tell who is woken. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'critical' | 'warning';
  readonly summary: string;
}

/** What a custom resource of the Prometheus Operator (https://prometheus-operator.dev) is called, and how it is found. */
export interface PrometheusMetadata {
  readonly name: string;
  readonly namespace: pulumi.Input<string>;
  readonly labels: Readonly<Record<string, string>>;
}

const apiVersion = 'monitoring.coreos.com/v1';

/**
 * Makes a group of alert rules.
 *
 * @param labels of every alert beside its severity
 */
export function createAlertRules(
  resource: string,
  metadata: PrometheusMetadata,
  group: { readonly name: string; readonly alerts: readonly AlertRule[]; readonly labels?: object },
  parent: pulumi.Resource,
): void {
  const rules = group.alerts.map(({ severity, summary, ...rule }) => ({
    ...rule,
    labels: { ...group.labels, severity },
    annotations: { summary },
  }));
  new k8s.apiextensions.CustomResource(
    resource,
    { apiVersion, kind: 'PrometheusRule', metadata, spec: { groups: [{ name: group.name, rules }] } },
    { parent },
  );
}

/** Has the probe port of pods read every half minute. */
export function createPodMonitor(
  resource: string,
  metadata: PrometheusMetadata,
  pods: Readonly<Record<string, unknown>>,
  parent: pulumi.Resource,
): void {
  const spec = { podMetricsEndpoints: [{ port: 'probes', path: '/metrics', interval: '30s' }], ...pods };
  new k8s.apiextensions.CustomResource(resource, { apiVersion, kind: 'PodMonitor', metadata, spec }, { parent });
}
