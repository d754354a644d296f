/** One row of a dashboard: its title and the PromQL of its lines, by legend. */
interface Panel {
  readonly title: string;
  readonly unit: 'reqps' | 's' | 'percentunit' | 'bytes' | 'short';
  readonly queries: Readonly<Record<string, string>>;
}

const requests = 'site_http_request_seconds_count';
const errors = `sum by (site) (rate(${requests}{status=~"5.."}[5m])) / sum by (site) (rate(${requests}[5m]))`;

const fleet: readonly Panel[] = [
  { title: 'Requests by site', unit: 'reqps', queries: { '{{site}}': `sum by (site) (rate(${requests}[5m]))` } },
  { title: 'Share of errors, worst ten', unit: 'percentunit', queries: { '{{site}}': `topk(10, ${errors})` } },
  {
    title: '95th percentile, slowest ten',
    unit: 's',
    queries: {
      '{{site}}': 'topk(10, histogram_quantile(0.95, sum by (site, le) (rate(site_http_request_seconds_bucket[5m]))))',
    },
  },
  {
    title: 'Memory, largest ten',
    unit: 'bytes',
    queries: { '{{site}}': 'topk(10, max by (site) (process_resident_memory_bytes{site!=""}))' },
  },
  {
    title: 'Database connections',
    unit: 'short',
    queries: { '{{use}}': 'sum by (use) (site_database_pool)' },
  },
  {
    title: 'Sites without a ready pod',
    unit: 'short',
    queries: {
      down: 'count(kube_deployment_status_replicas_available{namespace=~"site-.+",deployment="ghost"} < 1) or vector(0)',
    },
  },
];

const site: readonly Panel[] = [
  {
    title: 'Requests',
    unit: 'reqps',
    queries: { '{{status}}': `sum by (status) (rate(${requests}{site="$site"}[5m]))` },
  },
  {
    title: 'Time to answer',
    unit: 's',
    queries: Object.fromEntries(
      [50, 95, 99].map((percent) => [
        `${percent} %`,
        `histogram_quantile(${percent / 100}, sum by (le) (rate(site_http_request_seconds_bucket{site="$site"}[5m])))`,
      ]),
    ),
  },
  {
    title: 'Queries',
    unit: 'reqps',
    queries: { '{{outcome}}': 'sum by (outcome) (rate(site_database_query_seconds_count{site="$site"}[5m]))' },
  },
  { title: 'Connections', unit: 'short', queries: { '{{use}}': 'sum by (use) (site_database_pool{site="$site"})' } },
  { title: 'Memory', unit: 'bytes', queries: { '{{pod}}': 'process_resident_memory_bytes{site="$site"}' } },
  {
    title: 'Event loop, 99th percentile',
    unit: 's',
    queries: { '{{pod}}': 'nodejs_eventloop_lag_p99_seconds{site="$site"}' },
  },
];

/** The dashboards as Grafana's JSON model, by file name. */
export function dashboards(): Record<string, string> {
  const variable = { name: 'site', type: 'query', query: `label_values(${requests}, site)`, refresh: 2 };
  return {
    'fleet.json': JSON.stringify(dashboard('ghost-fleet', 'Fleet', fleet, [])),
    'site.json': JSON.stringify(dashboard('ghost-fleet-site', 'Site', site, [variable])),
  };
}

function dashboard(uid: string, title: string, panels: readonly Panel[], variables: readonly object[]): object {
  return {
    uid,
    title,
    tags: ['ghost-fleet'],
    timezone: 'utc',
    schemaVersion: 39,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: variables },
    panels: panels.map(({ title: panelTitle, unit, queries }, index) => ({
      id: index + 1,
      type: 'timeseries',
      title: panelTitle,
      gridPos: { x: (index % 2) * 12, y: Math.floor(index / 2) * 8, w: 12, h: 8 },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      targets: Object.entries(queries).map(([legendFormat, expr], at) => ({
        refId: String.fromCharCode(65 + at),
        expr,
        legendFormat,
      })),
    })),
  };
}
