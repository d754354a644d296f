import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { titleOf } from '../../../../sites/candidate.ts';
import { planKeys, plans } from '../../../../sites/plans.ts';
import type { SiteInput } from '../../../../sites/schema.ts';
import { issueSignInToken, signInParameter } from '../../../sign-in/token.ts';
import { audit } from '../../access/audit.ts';
import { asViewer, type Viewer } from '../../access/viewer.ts';
import { createSiteJob, enqueueChange, requestedSites } from '../../provisioning/jobs.ts';
import type { Services } from '../../services.ts';
import { formatMoney } from '../format.ts';
import { html, type Markup } from '../html.ts';
import { form } from '../layout.ts';
import { BadInput, contextOf, sendPage, slugOf, viewerOf } from '../reply.ts';
import { requireSite } from '../site-row.ts';

const newSite = z.object({
  slug: z.string().trim(),
  title: z.string().trim().optional(),
  domain: z.string().trim(),
  plan: z.enum(planKeys, { error: `one of ${planKeys.join(', ')}` }),
  creator: z.string().trim().optional(),
});

const siteChange = z.object({
  domains: z.string().optional(),
  plan: z.enum(planKeys, { error: `one of ${planKeys.join(', ')}` }).optional(),
  state: z.enum(['active', 'paused'], { error: 'active or paused' }).optional(),
});

/** A form to make a site, the changes that its owner may make, and the way into its Ghost Admin. */
export function registerSiteChanges(app: FastifyInstance, services: Services): void {
  const { database, config } = services;

  app.get('/sites/new', { config: { access: 'signed-in' } }, async (asked, reply) =>
    sendPage(asked, reply, 'New site', newSiteForm(asked, reply, {}, [])),
  );

  app.post('/sites', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const given = asked.body as Record<string, string>;
    try {
      return reply.redirect(`/jobs/${await requestSite(services, viewerOf(asked), given)}`);
    } catch (error) {
      const problems = problemsOf(error);
      if (problems === undefined) throw error;
      reply.status(422);
      return sendPage(asked, reply, 'New site', newSiteForm(asked, reply, given, problems));
    }
  });

  app.post('/api/v1/sites', { config: { access: 'signed-in', scope: 'sites:write' } }, async (asked, reply) => {
    const jobId = await requestSite(services, viewerOf(asked), (asked.body ?? {}) as Record<string, string>);
    return reply.status(202).send({ job: jobId });
  });

  app.post('/sites/:slug/changes', { config: { access: 'signed-in', scope: 'sites:write' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const slug = slugOf(asked);
    const { domains, ...rest } = siteChange.parse(asked.body ?? {});
    const change = { ...rest, ...(domains === undefined ? {} : { domains: domains.split(/[\s,]+/).filter(Boolean) }) };
    if (Object.values(change).every((value) => value === undefined))
      throw new BadInput('expected a domain, a plan or a state; got nothing');
    const job = await asViewer(database, viewer, async (db) => {
      const site = await requireSite(db, slug);
      if (site.state === 'suspended') throw new BadInput('This site is suspended; only staff can change it.');
      const payload = { slug, change, actor: viewer.email };
      return enqueueChange(services, db, payload, { creatorId: site.creator_id });
    });
    return reply.redirect(`/jobs/${job.id}`);
  });

  // One click into Ghost Admin as its owner, by a token for this site, this minute and this once.
  app.post('/sites/:slug/admin', { config: { access: 'signed-in' } }, async (asked, reply) => {
    const viewer = viewerOf(asked);
    const slug = slugOf(asked);
    const site = await asViewer(database, viewer, async (db) => {
      const found = await requireSite(db, slug);
      await audit(db, viewer, { creatorId: found.creator_id, action: 'site.admin', subject: slug });
      return found;
    });
    const address = new URL('/ghost/', site.url);
    if (config.signInKey !== undefined)
      address.searchParams.set(signInParameter, issueSignInToken(config.signInKey, slug, services.now()));
    return reply.redirect(address.href, 303);
  });
}

async function requestSite(services: Services, viewer: Viewer, given: Record<string, string>): Promise<string> {
  const { slug, title, domain, plan, creator } = newSite.parse(given);
  const owner = viewer.creatorId === undefined ? creator : viewer.email;
  if (owner === undefined || owner === '') throw new BadInput('creator: expected the e-mail address of a creator');
  const name = title === undefined || title === '' ? titleOf(slug) : title;
  const input: SiteInput = { slug, creator: owner, title: name, domains: [domain], plan };
  const requested = await services.database.asFleet(requestedSites);
  const site = await services.provisioner.check(input, requested);
  const job = await asViewer(services.database, viewer, async (db) => {
    const payload = { site: { ...site }, actor: viewer.email };
    const lane = services.provisioner.laneOf(site);
    return services.queue.enqueue(db, createSiteJob, { payload, creatorId: viewer.creatorId ?? null, key: slug, lane });
  });
  return job.id;
}

function problemsOf(error: unknown): string[] | undefined {
  if (error instanceof z.ZodError)
    return error.issues.map(({ path: at, message }) => `${at.join('.')}: expected ${message}`);
  if (error instanceof BadInput) return error.message.split('\n');
  if (error instanceof Error && error.name === 'RegistryError')
    return error.message.split('\n').map((line) => line.replace(/^\S+:\d+ ?/, ''));
  return undefined;
}

function newSiteForm(
  asked: FastifyRequest,
  reply: FastifyReply,
  given: Readonly<Record<string, string>>,
  problems: readonly string[],
): Markup {
  const isStaff = asked.viewer?.role !== 'creator';
  const fields = html`
    ${isStaff && html`<label>Creator’s e-mail <input type="email" name="creator" required value=${given.creator} /></label>`}
    <label>Name in addresses
      <input name="slug" required minlength="3" maxlength="40" pattern="[a-z][a-z0-9]*(-[a-z0-9]+)*"
        placeholder="aurora-letters" value=${given.slug} />
      <small>Lower-case words joined by hyphens. It never changes.</small></label>
    <label>Title <input name="title" maxlength="150" placeholder="Aurora Letters" value=${given.title} /></label>
    <label>Domain <input name="domain" required placeholder="letters.example.com" value=${given.domain} /></label>
    <label>Plan <select name="plan">
      ${planKeys.map(
        (key) =>
          html`<option value=${key} selected=${(given.plan ?? 'studio') === key}>
            ${plans[key].title} · ${formatMoney(plans[key].monthlyPrice)} a month</option>`,
      )}
    </select></label>
    <button>Create site</button>` as Markup;
  return html`<h1>New site</h1>
    ${
      problems.length > 0 &&
      html`<div class="problems" role="alert">${problems.map((problem) => html`<p>${problem}</p>`)}</div>`
    }
    ${form(contextOf(asked, reply), '/sites', fields, { class: 'stack' })}` as Markup;
}
