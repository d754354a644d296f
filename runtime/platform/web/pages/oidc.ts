import type { FastifyInstance } from 'fastify';
import { findAccount } from '../../access/accounts.ts';
import { OidcClient } from '../../access/oidc.ts';
import type { Services } from '../../services.ts';
import { html, type Markup } from '../html.ts';
import { sendPage } from '../reply.ts';
import { startSession } from './sign-in.ts';

/** Sign-in by an OpenID provider, where one is configured: for addresses that have an account here. */
export function registerOidc(app: FastifyInstance, services: Services): void {
  const { config, database } = services;
  if (config.oidc === undefined) return;
  const client = new OidcClient(config.oidc, config.url);

  app.get('/sign-in/oidc', { config: { access: 'public' } }, async (asked, reply) => {
    const { url, pending } = await client.begin();
    asked.session.oidc = pending;
    return reply.redirect(url);
  });

  app.get('/sign-in/oidc/callback', { config: { access: 'public' } }, async (asked, reply) => {
    const pending = asked.session.oidc;
    delete asked.session.oidc;
    const query = asked.url.slice(asked.url.indexOf('?'));
    const email = pending && (await client.finish(query, pending).catch(() => undefined));
    const account = email === undefined ? undefined : await database.asFleet((db) => findAccount(db, email));
    if (account === undefined) {
      reply.status(403);
      const content = html`<h1>That did not work</h1>
        <p class="notice">Your organisation did not vouch for an address that has an account here.
          <a href="/sign-in">Try another way.</a></p>` as Markup;
      return sendPage(asked, reply, 'Sign in', content);
    }
    await startSession(asked, services, account, 'oidc');
    return reply.redirect('/');
  });
}
