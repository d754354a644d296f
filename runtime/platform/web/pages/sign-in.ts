import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { findAccount, getAccount, noteSignIn } from '../../access/accounts.ts';
import { audit } from '../../access/audit.ts';
import type { Viewer } from '../../access/viewer.ts';
import type { Services } from '../../services.ts';
import { html, type Markup } from '../html.ts';
import { form } from '../layout.ts';
import { contextOf, sendPage } from '../reply.ts';

const linkMinutes = 15;
const purpose = 'sign-in';

const request = z.object({ email: z.email({ error: 'an e-mail address' }), next: z.string().optional() });
const linkData = z.object({ accountId: z.uuid(), next: z.string() });

/**
 * Sign-in by a link in an e-mail. The link shows a button, since programs that look into mail follow links; whether an
 * address has an account is told to nobody.
 */
export function registerSignIn(app: FastifyInstance, services: Services): void {
  const { database, stores, mailer, config } = services;
  const perAddress = stores.limiter({ name: 'sign-in-address', points: 30, windowSeconds: 900 });
  const perAccount = stores.limiter({ name: 'sign-in-account', points: 5, windowSeconds: 900 });

  app.get('/', { config: { access: 'signed-in' } }, async ({ viewer }, reply) =>
    reply.redirect(viewer?.role === 'creator' ? '/sites' : '/fleet'),
  );

  app.get('/sign-in', { config: { access: 'public' } }, async (asked, reply) => {
    const { next } = asked.query as { next?: string };
    return sendPage(asked, reply, 'Sign in', signInForm(asked, reply, next ?? '/', config.oidc !== undefined));
  });

  app.post('/sign-in', { config: { access: 'public' } }, async (asked, reply) => {
    const { email, next } = request.parse(asked.body);
    const address = email.toLowerCase();
    const verdicts = [await perAddress.take(asked.ip), await perAccount.take(address)];
    if (!verdicts.every(({ allowed }) => allowed))
      return reply.status(429).send('Too many links were asked for. Try again in a quarter of an hour.');
    const account = await database.asFleet((db) => findAccount(db, address));
    const link = account && (await makeLink(services, account, next ?? '/'));
    if (link !== undefined) {
      const text = `Sign in to your sites:\n\n${link}\n\nThe link works once, within ${linkMinutes} minutes.`;
      await mailer.send({ to: address, subject: 'Your link to sign in', text });
    }
    return sendPage(asked, reply, 'Look into your mail', sentPage(address, mailer.isLocal ? link : undefined));
  });

  app.get('/sign-in/:token', { config: { access: 'public' } }, async (asked, reply) => {
    const { token } = asked.params as { token: string };
    const button = html`<button>Sign in</button>` as Markup;
    const content = html`<h1>Sign in</h1>
      ${form(contextOf(asked, reply), `/sign-in/${encodeURIComponent(token)}`, button)}` as Markup;
    return sendPage(asked, reply, 'Sign in', content);
  });

  app.post('/sign-in/:token', { config: { access: 'public' } }, async (asked, reply) => {
    const { token } = asked.params as { token: string };
    const data = linkData.safeParse(await stores.tokens.consume(purpose, token));
    const account = data.success ? await database.asFleet((db) => getAccount(db, data.data.accountId)) : undefined;
    if (!data.success || account === undefined) {
      reply.status(410);
      const content = html`<h1>This link is used up</h1>
        <p class="notice">It works once, within ${linkMinutes} minutes. <a href="/sign-in">Ask for another.</a></p>`;
      return sendPage(asked, reply, 'Sign in', content as Markup);
    }
    await startSession(asked, services, account, 'link');
    await perAccount.reset(account.email);
    return reply.redirect(localPath(data.data.next));
  });

  app.post('/sign-out', { config: { access: 'signed-in' } }, async (asked, reply) => {
    await asked.session.destroy();
    return reply.redirect('/sign-in');
  });
}

/** Makes the session one of an account's; its id is a new one, so that nobody has known it before. */
export async function startSession(
  asked: FastifyRequest,
  services: Services,
  account: Viewer,
  method: 'link' | 'oidc',
): Promise<void> {
  await asked.session.regenerate();
  asked.session.accountId = account.accountId;
  await services.database.asFleet(async (db) => {
    await noteSignIn(db, account.accountId, services.now());
    const details = { method };
    await audit(db, account, { creatorId: account.creatorId, action: 'sign-in', subject: account.email, details });
  });
}

/** A path of this server, whatever was asked for: never somebody else's page. */
export function localPath(next: string): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/';
}

async function makeLink({ stores, config }: Services, account: Viewer, next: string): Promise<string> {
  const data = { accountId: account.accountId, next: localPath(next) };
  const token = await stores.tokens.issue(purpose, data, linkMinutes * 60);
  return new URL(`/sign-in/${token}`, config.url).href;
}

function signInForm(asked: FastifyRequest, reply: FastifyReply, next: string, hasOidc: boolean): Markup {
  const fields = html`<input type="hidden" name="next" value=${localPath(next)} />
    <label>E-mail <input type="email" name="email" required autocomplete="email" autofocus /></label>
    <button>Send me a link</button>` as Markup;
  return html`<h1>Sign in</h1>
    ${form(contextOf(asked, reply), '/sign-in', fields, { class: 'stack' })}
    ${hasOidc && html`<p><a class="button quiet" href="/sign-in/oidc">Sign in with your organisation</a></p>`}` as Markup;
}

function sentPage(address: string, link: string | undefined): Markup {
  return html`<h1>Look into your mail</h1>
    <p class="notice">If ${address} has an account here, a link is on its way to it.</p>
    ${
      link !== undefined &&
      html`<p class="notice">No mail leaves this machine. The link: <a href=${link}>${link}</a></p>`
    }` as Markup;
}
