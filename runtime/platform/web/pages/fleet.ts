import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { databaseStrategies } from '../../../../sites/naming.ts';
import { planKeys, plans } from '../../../../sites/plans.ts';
import { type FleetOrder, type FleetSite, fleetOrders, getFleetSites } from '../../analytics/fleet.ts';
import { getFleetTotals } from '../../analytics/fleet-totals.ts';
import type { SiteHealth } from '../../provisioning/provisioner.ts';
import { countFailedJobs } from '../../queue/inspection.ts';
import type { Services } from '../../services.ts';
import { backupAge, staleness } from '../figures.ts';
import { formatBytes, formatCount, formatMoney } from '../format.ts';
import { html, type Markup } from '../html.ts';
import { sendPage } from '../reply.ts';

const anyOf = <const Words extends readonly string[]>(words: Words) =>
  z
    .enum(['', ...words])
    .optional()
    .catch('');
const filter = z.object({
  search: z.string().max(200).optional().catch(undefined),
  state: anyOf(['active', 'paused', 'suspended']),
  plan: anyOf(planKeys),
  strategy: anyOf(databaseStrategies),
  attention: anyOf(['stale', 'failing']),
  order: z
    .enum(fleetOrders as readonly [FleetOrder, ...FleetOrder[]])
    .optional()
    .catch(undefined),
  after: z.string().max(1_000).optional().catch(undefined),
});
type Filter = z.output<typeof filter>;

/** The whole fleet for staff: totals, search, filters, and what needs somebody's attention. */
export function registerFleet(app: FastifyInstance, services: Services): void {
  const { database, provisioner, now } = services;

  app.get('/fleet', { config: { access: 'staff' } }, async (asked, reply) => {
    const query = filter.parse(asked.query);
    const { search, state, plan, strategy, attention, order, after } = query;
    const wanted = {
      ...(search && { search }),
      ...(state && { state }),
      ...(plan && { plan }),
      ...(strategy && { strategy }),
      ...(order && { order }),
      ...(after && { after }),
      stale: attention === 'stale',
      failing: attention === 'failing',
    };
    const [page, totals, failedJobs, health] = await Promise.all([
      getFleetSites(database, wanted, now()),
      getFleetTotals(database, now()),
      database.asFleet(countFailedJobs),
      provisioner.health(),
    ]);
    const bySlug = new Map(health.map((site) => [site.slug, site]));
    const mrr = Object.entries(totals.mrr).map(([currency, amount]) => formatMoney({ amount, currency }));
    const content = html`<div class="head"><h1>Fleet</h1><a class="button" href="/sites/new">New site</a></div>
      <div class="card"><dl class="numbers">
        ${Object.entries(totals.sites).map(([name, count]) => number(name, count))}
        ${number('Stale', totals.stale)} ${number('Failing', totals.failing)}
        <div><dt><a href="/queue?state=failed">Failed jobs</a></dt><dd class=${failedJobs > 0 ? 'bad' : undefined}>${formatCount(failedJobs)}</dd></div>
        ${number('Members', totals.membersTotal)} ${number('Paid', totals.membersPaid)}
        <div><dt>MRR</dt><dd>${mrr.join(' ') || '–'}</dd></div>
      </dl></div>
      ${filterForm(query)}
      ${siteTable(page.sites, bySlug, now())}
      ${page.next !== null && html`<p><a href=${`/fleet?${nextQuery(query, page.next)}`}>More</a></p>`}` as Markup;
    return sendPage(asked, reply, 'Fleet', content);
  });
}

function number(name: string, count: number) {
  return html`<div><dt>${name}</dt><dd>${formatCount(count)}</dd></div>`;
}

function filterForm(query: Filter): Markup {
  const select = (
    name: keyof Filter,
    words: readonly string[],
  ) => html`<label>${name.replace(/^./, (letter) => letter.toUpperCase())}
    <select name=${name}><option value="">any</option>
      ${words.map((word) => html`<option selected=${query[name] === word}>${word}</option>`)}</select></label>`;
  return html`<form class="line" method="get" role="search">
    <label>Search <input type="search" name="search" value=${query.search} placeholder="slug, title, domain, e-mail" /></label>
    ${select('state', ['active', 'paused', 'suspended'])} ${select('plan', planKeys)}
    ${select('strategy', databaseStrategies)} ${select('attention', ['stale', 'failing'])} ${select('order', fleetOrders)}
    <button>Show</button></form>` as Markup;
}

function siteTable(sites: readonly FleetSite[], health: ReadonlyMap<string, SiteHealth>, now: Date): Markup {
  const rows = sites.map((site) => {
    const found = health.get(site.slug);
    const mrr = Object.entries(site.mrr).map(([currency, amount]) => formatMoney({ amount, currency }));
    return html`<tr><td><a href=${`/sites/${site.slug}`}>${site.title}</a><br /><small>${site.slug}</small></td>
      <td><a href=${`/creators/${site.creatorId}`}>${site.creatorEmail}</a></td>
      <td>${site.plan}<br /><small>${costOf(site.plan)}</small></td>
      <td class=${site.state === 'active' ? 'good' : 'warn'}>${found?.state ?? site.state}
        <br /><small>${versionOf(site, found)}</small>
        ${found !== undefined && found.restarts > 0 && html`<br /><small class="warn">${found.restarts} restarts</small>`}</td>
      <td>${site.strategy}${site.cluster !== null && ` on ${site.cluster}`}<br /><small>${site.stack}</small></td>
      <td class="number">${formatCount(site.membersTotal)}</td><td class="number">${mrr.join(' ')}</td>
      <td class="number">${site.requests === null ? '–' : formatCount(site.requests)}<br />
        <small>${site.storageBytes === null ? '–' : formatBytes(site.storageBytes)}</small></td>
      <td>${backupAge(site.backups, now)}</td><td>${staleness(site.freshness, now)}</td></tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><th>Site</th><th>Creator</th><th>Plan</th><th>State</th><th>Database</th>
    <th class="number">Members</th><th class="number">MRR</th><th class="number">Requests, storage</th>
    <th>Last backup</th><th>Numbers</th></tr></thead><tbody>${rows}</tbody></table></div>` as Markup;
}

/** The version at the last visit, or, before the first, the one that is to run. */
function versionOf({ ghostVersion }: FleetSite, health: SiteHealth | undefined): string {
  const version = ghostVersion ?? health?.version;
  return version === undefined ? '' : `Ghost ${version}`;
}

/** What the plan costs a month, before what is metered. */
function costOf(plan: string): string {
  const key = planKeys.find((candidate) => candidate === plan);
  return key === undefined ? '' : formatMoney(plans[key].monthlyPrice);
}

function nextQuery(query: Filter, after: string): string {
  const entries = Object.entries({ ...query, after }).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return new URLSearchParams(entries).toString();
}
