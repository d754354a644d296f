import type { AlertRule } from './prometheus.ts';

/** Name of the platform's PodMonitor, by which Prometheus labels what it scrapes. */
const job = '.+/platform';

/** What wakes somebody for the platform's own service; its metrics are `runtime/platform/metrics.ts`. */
export const platformAlerts: readonly AlertRule[] = [
  {
    alert: 'PlatformDown',
    expr: 'kube_deployment_status_replicas_available{deployment=~"platform-(api|worker)"} < 1',
    for: '2m',
    severity: 'critical',
    summary: '{{ $labels.deployment }} has no ready pod',
  },
  {
    alert: 'PlatformDatabaseAway',
    expr: `max(platform_database_up{job=~"${job}"}) < 1`,
    for: '2m',
    severity: 'critical',
    summary: "no process of the platform reaches the platform's database",
  },
  {
    alert: 'PlatformErrors',
    expr: 'sum(rate(platform_http_request_seconds_count{status=~"5.."}[5m])) / sum(rate(platform_http_request_seconds_count[5m])) > 0.05',
    for: '10m',
    severity: 'warning',
    summary: 'more than one request in twenty to dashboard and API fails',
  },
  {
    alert: 'PlatformJobsFailed',
    // Every process says what the one database holds.
    expr: 'max by (kind) (platform_jobs{state="failed"}) > 0',
    for: '5m',
    severity: 'warning',
    summary: 'jobs of the kind {{ $labels.kind }} failed for good: see the page of jobs, which can retry them',
  },
  {
    alert: 'PlatformJobsLate',
    expr: 'max by (kind) (platform_job_overdue_seconds) > 900',
    for: '5m',
    severity: 'warning',
    summary:
      'jobs of the kind {{ $labels.kind }} have been due for more than a quarter of an hour and nobody runs them',
  },
  {
    alert: 'PlatformNumbersStale',
    expr: 'max(platform_sites_stale) / sum(max by (state) (platform_sites)) > 0.05',
    for: '1h',
    severity: 'warning',
    summary: 'the numbers of more than one site in twenty are older than three hours',
  },
];
