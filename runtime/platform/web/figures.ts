import type { Change } from '../analytics/range.ts';
import { type DateRange, lastDays } from '../analytics/range.ts';
import type { BackupState, Freshness } from '../analytics/staleness.ts';
import { formatAge, formatCount, formatMoney, formatTime } from './format.ts';
import { html, type Markup } from './html.ts';

/** Ranges that a page offers, in days. */
export const offeredDays = [7, 30, 90, 365] as const;

/** The range that a page was asked for. @default the last 30 days */
export function rangeOf(query: unknown, now: Date): { readonly days: number; readonly range: DateRange } {
  const asked = Number((query as { days?: string }).days);
  const days = offeredDays.find((offered) => offered === asked) ?? 30;
  return { days, range: lastDays(days, now) };
}

/** Links to the same page with other ranges. */
export function rangeLinks(path: string, days: number): Markup {
  return html`<nav aria-label="Range">
    ${offeredDays.map(
      (offered) =>
        html`<a href=${`${path}?days=${offered}`} aria-current=${offered === days ? 'page' : undefined}>${offered === 365 ? 'A year' : `${offered} days`}</a>`,
    )}
  </nav>` as Markup;
}

/** A figure with its name, and how it moved against the range before. */
export function figure(name: string, { current, previous }: Change, format: (value: number) => string = formatCount) {
  const moved = current - previous;
  const direction = moved === 0 ? 'soft' : moved > 0 ? 'up' : 'down';
  return html`<div><dt>${name}</dt><dd>${format(current)}
    <small class=${direction}> ${moved === 0 ? '' : `${moved > 0 ? '+' : '−'}${format(Math.abs(moved))}`}</small></dd></div>`;
}

/** Revenue by currency, one figure each. */
export function revenueFigures(mrr: Readonly<Record<string, Change>>) {
  return Object.entries(mrr).map(([currency, change]) =>
    figure(`MRR (${currency.toUpperCase()})`, change, (amount) => formatMoney({ amount, currency })),
  );
}

/** A line of numbers without axes; days of which nothing is known are left out. */
export function sparkline(values: readonly (number | null)[], label: string): Markup {
  const known = values.flatMap((value, at) => (value === null ? [] : [[at, value] as const]));
  const lowest = Math.min(...known.map(([, value]) => value));
  const highest = Math.max(...known.map(([, value]) => value));
  const height = (value: number) => (highest === lowest ? 15 : 28 - (26 * (value - lowest)) / (highest - lowest));
  const width = Math.max(1, values.length - 1);
  const points = known.map(([at, value]) => `${((100 * at) / width).toFixed(1)},${height(value).toFixed(1)}`);
  return html`<svg class="spark" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label=${label}>
    <polyline points=${points.join(' ')} fill="none" stroke="currentColor" stroke-width="2" vector-effect="non-scaling-stroke" />
  </svg>` as Markup;
}

/** A chart that web/assets/charts.js draws, with a table of the same for who cannot see it left to the CSV. */
export function chart(
  label: string,
  days: readonly string[],
  series: readonly { readonly label: string; readonly values: readonly (number | null)[] }[],
  divisor = 1,
): Markup {
  const data = JSON.stringify({ days, series, divisor });
  return html`<div class="card"><h3>${label}</h3>
    <div class="chart" role="img" aria-label=${`${label} by day`} data-series=${data}></div></div>` as Markup;
}

/** How old numbers are, said only where they are older than they should be. */
export function staleness(freshness: Freshness, now: Date): Markup | string {
  if (freshness.refreshedAt === null) return html`<small class="warn">No numbers yet</small>` as Markup;
  if (!freshness.stale) return '';
  const reason = freshness.error === null ? '' : `: ${freshness.error}`;
  return html`<small class="warn" title=${reason}>Numbers are ${formatAge(freshness.refreshedAt, now)} old</small>` as Markup;
}

/** How old a site's newest backup is. */
export function backupAge({ known, newestAt, overdue }: BackupState, now: Date): Markup | string {
  if (newestAt === null) return known ? (html`<span class="bad">none yet</span>` as Markup) : '–';
  const age = `${formatAge(newestAt, now)} ago`;
  return html`<span class=${overdue ? 'bad' : undefined} title=${formatTime(newestAt)}>${age}</span>` as Markup;
}
