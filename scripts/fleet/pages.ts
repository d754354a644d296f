import type { SiteStatus } from './fleet.ts';

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 10vh auto; padding: 0 1.5rem; }
  h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
  table { border-collapse: collapse; width: 100%; margin-top: 1.5rem; }
  th, td { text-align: left; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); vertical-align: top; }
  th { font-weight: 600; font-size: .85rem; opacity: .7; }
  .ready { color: light-dark(#157a3c, #63d489); } .other { color: light-dark(#a15c00, #f0b866); }
  small { opacity: .7; }
  a { color: inherit; }
  .scroll { overflow-x: auto; }`;

/** The fleet at a glance: the page of `localhost`. */
export function fleetPage(sites: readonly SiteStatus[]): string {
  const ready = sites.filter((site) => site.state === 'ready').length;
  return page(
    'ghost-fleet',
    `<h1>ghost-fleet</h1><p>${ready} of ${sites.length} sites ready.</p>${siteTable(sites)}`,
    10,
  );
}

/** Nobody answers for the host that was asked for. */
export function unknownHostPage(host: string, sites: readonly SiteStatus[]): string {
  const intro = `<h1>No site answers for ${escapeHtml(host)}</h1><p>These do; add one with <code>npm run site:add</code>.</p>`;
  return page('No such site', `${intro}${siteTable(sites)}`);
}

/** The site exists and cannot answer now; the page asks again by itself. */
export function notReadyPage(site: SiteStatus): string {
  const reason = site.detail === '' ? '' : `<p><small>${escapeHtml(site.detail)}</small></p>`;
  return page(
    site.title,
    `<h1>${escapeHtml(site.title)} is ${escapeHtml(site.state)}</h1><p>This page tries again every two seconds.</p>${reason}`,
    2,
  );
}

/** The dashboard does not answer yet, or no more. */
export function platformStartingPage(): string {
  return page('ghost-fleet', '<h1>The dashboard is starting</h1><p>This page tries again every two seconds.</p>', 2);
}

/** The site is paused or suspended: everything is kept, nothing is served. */
export function maintenancePage(site: SiteStatus): string {
  return page(site.title, `<h1>${escapeHtml(site.title)} is resting</h1><p>We will be back. Nothing is lost.</p>`);
}

function siteTable(sites: readonly SiteStatus[]): string {
  const rows = sites.map(
    (
      site,
    ) => `<tr><td><a href="${escapeHtml(site.url)}">${escapeHtml(site.title)}</a><br><small>${site.domains.map(escapeHtml).join(', ')}</small></td>
      <td><a href="${escapeHtml(site.adminUrl)}">Ghost Admin</a></td><td>${escapeHtml(site.database)}</td>
      <td class="${site.state === 'ready' ? 'ready' : 'other'}">${escapeHtml(site.state)}<br><small>${escapeHtml(site.detail)}</small></td></tr>`,
  );
  return `<div class="scroll"><table><thead><tr><th>Site</th><th>Admin</th><th>Database</th><th>State</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function page(title: string, body: string, refreshSeconds?: number): string {
  const refresh = refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${refreshSeconds}">`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${refresh}<title>${escapeHtml(title)}</title><style>${style}</style></head><body>${body}</body></html>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
