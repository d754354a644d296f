import { styleText } from 'node:util';
import type { SiteStatus } from './fleet.ts';

const columns = ['site', 'url', 'admin', 'database', 'state'] as const;

/** The fleet as a table for a terminal; colours only where standard output is one. */
export function formatTable(sites: readonly SiteStatus[]): string {
  const rows = sites.map((site) => [site.slug, site.url, site.adminUrl, site.database, formatState(site)]);
  const widths = columns.map((column, at) => Math.max(column.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  const body = rows.map((row, at) => colour(line(row), sites[at]?.state ?? ''));
  return [styleText('bold', line(columns), { stream: process.stdout }), ...body].join('\n');
}

/** `ready`, or the state with its reason. */
export function formatState(site: SiteStatus): string {
  return site.detail === '' ? site.state : `${site.state} (${site.detail})`;
}

function colour(text: string, state: string): string {
  const format = state === 'ready' ? 'green' : state === 'crashed' || state === 'misconfigured' ? 'red' : 'yellow';
  return styleText(format, text, { stream: process.stdout });
}
