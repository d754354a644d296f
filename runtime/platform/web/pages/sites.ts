import type { FastifyInstance } from 'fastify';
import { findDeletion } from '../../access/deletions.ts';
import { asViewer, type Viewer } from '../../access/viewer.ts';
import { getDashboardData, type SiteGlance } from '../../analytics/dashboard.ts';
import { getSiteData, type SiteData } from '../../analytics/site.ts';
import type { Services } from '../../services.ts';
import { toCsv } from '../csv.ts';
import { backupAge, chart, figure, rangeLinks, rangeOf, revenueFigures, sparkline, staleness } from '../figures.ts';
import { formatBytes, formatMoney, minorUnitsOf } from '../format.ts';
import { html, type Markup } from '../html.ts';
import { contextOf, NotFound, sendPage, slugOf, viewerOf } from '../reply.ts';
import { siteActions } from '../site-actions.ts';
import { requireSite } from '../site-row.ts';

/** A creator's sites at a glance, and a page for each of them. */
export function registerSites(app: FastifyInstance, services: Services): void {
  const { database, now } = services;

  app.get('/sites', { config: { access: 'creator' } }, async (asked, reply) => {
    const { creatorId = '' } = viewerOf(asked);
    const { after } = asked.query as { after?: string };
    const { days, range } = rangeOf(asked.query, now());
    const data = await getDashboardData(database, creatorId, range, { now: now(), ...(after ? { after } : {}) });
    const { metrics, mrr } = data.totals;
    const content = html`<div class="head"><h1>Your sites</h1>${rangeLinks('/sites', days)}
        <a class="button" href="/sites/new">New site</a></div>
      <div class="card"><dl class="numbers">
        ${figure('Members', metrics.membersTotal)} ${figure('Paid members', metrics.membersPaid)} ${revenueFigures(mrr)}
        ${figure('Posts', metrics.postsPublished)} ${figure('E-mails sent', metrics.emailsSent)}
      </dl></div>
      <h2>${data.siteCount} ${data.siteCount === 1 ? 'site' : 'sites'}</h2>
      <div class="cards">${data.sites.map((site) => siteCard(site, now()))}</div>
      ${data.next !== null && html`<p><a href=${`/sites?days=${days}&after=${data.next}`}>More sites</a></p>`}` as Markup;
    return sendPage(asked, reply, 'Your sites', content);
  });

  app.get('/sites/:slug', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const { days, range } = rangeOf(asked.query, now());
    const slug = slugOf(asked);
    const [data, deletion] = await Promise.all([
      readSite(services, viewerOf(asked), slug, range),
      asViewer(database, viewerOf(asked), (db) => findDeletion(db, slug)),
    ]);
    const content = sitePage(data, days, now(), siteActions(contextOf(asked, reply), deletion, data));
    return sendPage(asked, reply, data.title, content, ['charts.js']);
  });

  app.get(
    '/sites/:slug/numbers.csv',
    { config: { access: 'signed-in', scope: 'metrics:read' } },
    async (asked, reply) => {
      const data = await readSite(services, viewerOf(asked), slugOf(asked), rangeOf(asked.query, now()).range);
      const columns: [string, readonly (string | number | null)[]][] = [
        ['day', data.days],
        ...Object.entries(data.metrics),
        ...Object.entries(data.mrr).map(([currency, { series }]): [string, typeof series] => [
          `mrr_${currency.toLowerCase()}_minor_units`,
          series,
        ]),
      ];
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="${data.slug}.csv"`)
        .send(toCsv(columns));
    },
  );

  app.get('/api/v1/sites', { config: { access: 'creator', scope: 'metrics:read' } }, async (asked) => {
    const { after } = asked.query as { after?: string };
    const { range } = rangeOf(asked.query, now());
    const options = { now: now(), ...(after ? { after } : {}) };
    return getDashboardData(database, viewerOf(asked).creatorId ?? '', range, options);
  });

  app.get('/api/v1/sites/:slug', { config: { access: 'signed-in', scope: 'metrics:read' } }, async (asked) =>
    readSite(services, viewerOf(asked), slugOf(asked), rangeOf(asked.query, now()).range),
  );
}

async function readSite(
  { database, now }: Services,
  viewer: Viewer,
  slug: string,
  range: Parameters<typeof getSiteData>[3],
): Promise<SiteData> {
  const site = await asViewer(database, viewer, (db) => requireSite(db, slug));
  const data = await getSiteData(database, site.creator_id, slug, range, now());
  if (data === undefined) throw new NotFound('There is no such site.');
  return data;
}

function siteCard(site: SiteGlance, now: Date): Markup {
  const mrr = Object.entries(site.mrr).map(([currency, amount]) => formatMoney({ amount, currency }));
  return html`<section class="card">
    <h3><a href=${`/sites/${site.slug}`}>${site.title}</a></h3>
    <p class="soft">${site.plan} · <span class=${site.state === 'active' ? 'good' : 'warn'}>${site.state}</span>
      ${mrr.length > 0 && ` · ${mrr.join(', ')} a month`}</p>
    <dl class="numbers">${figure('Members', site.members)}${figure('Paid', site.paidMembers)}${figure('Posts', site.posts)}</dl>
    ${sparkline(site.sparkline, `Members of ${site.title} by day`)}
    ${staleness(site.freshness, now)}
  </section>` as Markup;
}

function sitePage(data: SiteData, days: number, now: Date, actions: Markup): Markup {
  const { metrics, totals, mrr } = data;
  const revenue = Object.fromEntries(Object.entries(mrr).map(([currency, { change }]) => [currency, change]));
  const path = `/sites/${data.slug}`;
  return html`<div class="head"><h1>${data.title}</h1>${rangeLinks(path, days)}
      <a href=${data.url}>${data.url}</a></div>
    <p>${data.plan} · <span class=${data.state === 'active' ? 'good' : 'warn'}>${data.state}</span>
      ${[data.strategy, data.domains.join(', '), ...(data.ghostVersion === null ? [] : [`Ghost ${data.ghostVersion}`])].map((text) => ` · ${text}`)}
      ${' '}${staleness(data.freshness, now)}</p>
    <div class="card"><dl class="numbers">
      ${figure('Members', totals.membersTotal)} ${figure('Free', totals.membersFree)} ${figure('Paid', totals.membersPaid)}
      ${figure('Comped', totals.membersComped)} ${figure('New', totals.membersNew)} ${figure('Paid who left', totals.paidChurned)}
      ${revenueFigures(revenue)} ${figure('Posts', totals.postsPublished)} ${figure('Comments', totals.comments)}
      ${figure('Storage', totals.storageBytes, formatBytes)} ${figure('Requests', totals.requests)}
      <div><dt>Last backup</dt><dd>${backupAge(data.backups, now)}</dd></div>
    </dl></div>
    <h2>Growth</h2><div class="cards wide">
      ${chart('Members', data.days, [
        { label: 'Members', values: metrics.membersTotal },
        { label: 'Paid', values: metrics.membersPaid },
      ])}
      ${chart('New, and paid who left', data.days, [
        { label: 'New', values: metrics.membersNew },
        { label: 'Paid who left', values: metrics.paidChurned },
      ])}
      ${Object.entries(mrr).map(([currency, { series }]) =>
        chart(
          `Monthly recurring revenue (${currency.toUpperCase()})`,
          data.days,
          [{ label: 'MRR', values: series }],
          minorUnitsOf(currency),
        ),
      )}
      ${chart('Newsletters', data.days, [
        { label: 'Sent', values: metrics.emailsSent },
        { label: 'Opened', values: metrics.emailsOpened },
        { label: 'Clicks', values: metrics.emailsClicked },
      ])}
      ${chart('Requests', data.days, [{ label: 'Requests', values: metrics.requests }])}
    </div>
    <p><a href=${`${path}/numbers.csv?days=${days}`}>Download as CSV</a></p>
    ${actions}` as Markup;
}
