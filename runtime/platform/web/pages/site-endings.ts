import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { audit } from '../../access/audit.ts';
import { listDeletions, requestDeletion, withdrawDeletion } from '../../access/deletions.ts';
import { asViewer } from '../../access/viewer.ts';
import { enqueueChange } from '../../provisioning/jobs.ts';
import type { Services } from '../../services.ts';
import { formatTime } from '../format.ts';
import { html, type Markup } from '../html.ts';
import { form } from '../layout.ts';
import { BadInput, contextOf, sendPage, slugOf, viewerOf } from '../reply.ts';
import { requireSite } from '../site-row.ts';

const purpose = 'hand-over';
const offerDays = 7;

const recipient = z.object({ email: z.email({ error: 'an e-mail address' }) });
const offer = z.object({ slug: z.string(), from: z.uuid(), email: z.string() });

/** A site goes to another creator, who has to accept it, or is to be deleted after a time in which that can be withdrawn. */
export function registerSiteEndings(app: FastifyInstance, services: Services): void {
  const { config, database, mailer, now, stores } = services;

  app.post('/sites/:slug/hand-over', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const slug = slugOf(asked);
    const email = recipient.parse(asked.body).email.toLowerCase();
    const site = await asViewer(database, viewer, async (db) => {
      const found = await requireSite(db, slug);
      const entry = { creatorId: found.creator_id, action: 'site.offer', subject: slug, details: { to: email } };
      await audit(db, viewer, entry);
      return found;
    });
    const token = await stores.tokens.issue(purpose, { slug, from: site.creator_id, email }, offerDays * 86_400);
    const link = new URL(`/hand-over/${token}`, config.url).href;
    const text = `${viewer.email} hands the site ${site.title} (${site.url}) over to you. Its invoices will be yours from then on.\n\nAccept it here within ${offerDays} days:\n\n${link}`;
    await mailer.send({ to: email, subject: `${site.title} is to be yours`, text });
    const content = html`<h1>${site.title}</h1>
      <p class="notice">${email} was sent a link to accept it. Until then nothing changes.</p>
      ${mailer.isLocal && html`<p class="notice">No mail leaves this machine. The link: <a href=${link}>${link}</a></p>`}
      <p><a href=${`/sites/${slug}`}>Back to the site</a></p>` as Markup;
    return sendPage(asked, reply, 'Hand over', content);
  });

  app.get('/hand-over/:token', { config: { access: 'public' } }, async (asked, reply) => {
    const { token } = asked.params as { token: string };
    const accept = form(
      contextOf(asked, reply),
      `/hand-over/${encodeURIComponent(token)}`,
      html`<button>Accept</button>` as Markup,
    );
    const content = html`<h1>A site for you</h1><p>Its invoices are yours from then on.</p>${accept}` as Markup;
    return sendPage(asked, reply, 'A site for you', content);
  });

  app.post('/hand-over/:token', { config: { access: 'public' } }, async (asked, reply) => {
    const { token } = asked.params as { token: string };
    const accepted = offer.safeParse(await stores.tokens.consume(purpose, token));
    if (!accepted.success) throw new BadInput('This link is used up. Ask for another.');
    const { slug, from, email } = accepted.data;
    await database.asFleet(async (db) => {
      const site = await requireSite(db, slug);
      if (site.creator_id !== from) throw new BadInput('The site has gone to somebody else meanwhile.');
      const payload = { slug, change: { creator: email }, actor: email };
      await enqueueChange(services, db, payload, { creatorId: null });
      await audit(db, email, { creatorId: from, action: 'site.accept', subject: slug });
    });
    const content = html`<h1>Thank you</h1>
      <p class="notice">The site is on its way to you. <a href="/sign-in">Sign in</a> as ${email} in a moment.</p>` as Markup;
    return sendPage(asked, reply, 'Thank you', content);
  });

  app.post('/sites/:slug/deletion', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const slug = slugOf(asked);
    await asViewer(database, viewer, async (db) => {
      const site = await requireSite(db, slug);
      if (!(await requestDeletion(db, site, viewer, now()))) return;
      await audit(db, viewer, { creatorId: site.creator_id, action: 'site.delete', subject: slug });
      const payload = { slug, change: { state: 'paused' as const }, actor: viewer.email };
      if (site.state === 'active') await enqueueChange(services, db, payload, { creatorId: site.creator_id });
    });
    return reply.redirect(`/sites/${slug}`, 303);
  });

  app.post('/sites/:slug/deletion/withdrawal', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const slug = slugOf(asked);
    await asViewer(database, viewer, async (db) => {
      const site = await requireSite(db, slug);
      if (!(await withdrawDeletion(db, slug, now()))) throw new BadInput('Nobody asked to delete this site.');
      await audit(db, viewer, { creatorId: site.creator_id, action: 'site.keep', subject: slug });
    });
    return reply.redirect(`/sites/${slug}`, 303);
  });

  app.get('/deletions', { config: { access: 'staff' } }, async (asked, reply) => {
    const requests = await database.asFleet(listDeletions);
    const rows = requests.map(
      (request) => html`<tr><td><a href=${`/sites/${request.site_slug}`}>${request.site_slug}</a></td>
        <td>${request.requested_by}</td><td>${formatTime(request.requested_at)}</td>
        <td class=${request.due_at < now() ? 'bad' : ''}>${formatTime(request.due_at)}</td></tr>`,
    );
    const content = html`<h1>Sites to be deleted</h1>
      <p>Nothing is deleted by itself: from the due date on it is for you to do.</p>
      <div class="scroll"><table><thead><tr><th>Site</th><th>Asked by</th><th>Asked</th><th>Not before</th></tr></thead>
        <tbody>${rows}</tbody></table></div>` as Markup;
    return sendPage(asked, reply, 'Sites to be deleted', content);
  });
}
