import { planKeys, plans } from '../../../sites/plans.ts';
import { coolingOffDays, type DeletionRequest } from '../access/deletions.ts';
import { formatMoney, formatTime } from './format.ts';
import { html, type Markup } from './html.ts';
import { form, type PageContext } from './layout.ts';

/** What may be done with a site, as forms. */
export function siteActions(
  context: PageContext,
  deletion: DeletionRequest | undefined,
  site: { readonly slug: string; readonly state: string; readonly plan: string; readonly domains: readonly string[] },
): Markup {
  const path = `/sites/${site.slug}`;
  const changes = (fields: Markup) => form(context, `${path}/changes`, fields, { class: 'line' });
  const resting = site.state === 'paused';
  const suspended =
    html`<p class="notice">This site is suspended; nothing of it is lost. Its invoices say why.</p>` as Markup;
  const open = html`${changes(
    html`<label>Plan <select name="plan">
        ${planKeys.map((key) => html`<option value=${key} selected=${key === site.plan}>${plans[key].title} · ${formatMoney(plans[key].monthlyPrice)} a month</option>`)}
      </select></label><button class="quiet">Change plan</button>` as Markup,
  )}
      ${changes(
        html`<label>Domains, the main one first
        <input name="domains" value=${site.domains.join(' ')} size="40" required /></label>
        <button class="quiet">Change domains</button>` as Markup,
      )}
      ${changes(
        html`<input type="hidden" name="state" value=${resting ? 'active' : 'paused'} />
        <button class="quiet">${resting ? 'Resume the site' : 'Pause the site'}</button>` as Markup,
      )}` as Markup;
  return html`<h2>Settings</h2>
    <div class="card">
      ${form(context, `${path}/admin`, html`<button>Open Ghost Admin</button>` as Markup, { class: 'line', target: '_blank' })}
      ${site.state === 'suspended' ? suspended : open}
    </div>
    <h2>Hand over, delete</h2>
    <div class="card">
      ${form(
        context,
        `${path}/hand-over`,
        html`<label>E-mail of its new owner <input type="email" name="email" required /></label>
        <button class="quiet">Offer the site</button>` as Markup,
        { class: 'line' },
      )}
      ${
        deletion === undefined
          ? form(
              context,
              `${path}/deletion`,
              html`<button class="danger">Delete after ${coolingOffDays} days</button>
              <small>It rests at once, and until then you can change your mind.</small>` as Markup,
              { class: 'line' },
            )
          : html`<p class="notice warn">To be deleted from ${formatTime(deletion.due_at)} on, asked by ${deletion.requested_by}.</p>
              ${form(context, `${path}/deletion/withdrawal`, html`<button class="quiet">Keep the site</button>` as Markup)}`
      }
    </div>` as Markup;
}
