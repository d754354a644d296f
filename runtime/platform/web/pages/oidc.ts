import type { FastifyInstance } from 'fastify';
import { findAccount } from '../../access/accounts.ts';
import { OidcClient, type PendingSignIn } from '../../access/oidc.ts';
import type { Viewer } from '../../access/viewer.ts';
import type { Services } from '../../services.ts';
import { html, type Markup } from '../html.ts';
import { sendPage } from '../reply.ts';
import { startSession } from './sign-in.ts';

/** Sign-in by an OpenID provider, where one is configured: for addresses that have an account here. */
export function registerOidc(app: FastifyInstance, services: Services): void {
  const { config, database, log } = services;
  if (config.oidc === undefined) return;
  const client = new OidcClient(config.oidc, config.url);

  app.get('/sign-in/oidc', { config: { access: 'public' } }, async (asked, reply) => {
    const begun = await client.begin().catch(report);
    if (begun === undefined) {
      reply.status(503);
      return sendPage(asked, reply, 'Sign in', excuse('The provider of your organisation does not answer.'));
    }
    asked.session.oidc = begun.pending;
    return reply.redirect(begun.url);
  });

  app.get('/sign-in/oidc/callback', { config: { access: 'public' } }, async (asked, reply) => {
    const pending = asked.session.oidc;
    delete asked.session.oidc;
    const query = asked.url.slice(asked.url.indexOf('?'));
    const account = pending && (await accountOf(query, pending));
    if (account === undefined) {
      reply.status(403);
      const reason = 'Your organisation did not vouch for an address that has an account here.';
      return sendPage(asked, reply, 'Sign in', excuse(reason));
    }
    await startSession(asked, services, account, 'oidc');
    return reply.redirect('/');
  });

  // What else the library's errors hold is of the provider's answer.
  function report(error: unknown): undefined {
    log(`sign-in by OpenID failed: ${error instanceof Error ? error.message : error}`);
  }

  async function accountOf(query: string, pending: PendingSignIn): Promise<Viewer | undefined> {
    try {
      const email = await client.finish(query, pending);
      const account = email === undefined ? undefined : await database.asFleet((db) => findAccount(db, email));
      if (account === undefined)
        log(
          `sign-in by OpenID: ${email === undefined ? 'the provider does not vouch for' : 'no account has'} the address`,
        );
      return account;
    } catch (error) {
      return report(error);
    }
  }
}

function excuse(reason: string): Markup {
  return html`<h1>That did not work</h1>
    <p class="notice">${reason} <a href="/sign-in">Try another way.</a></p>` as Markup;
}
