import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { getAccount } from '../access/accounts.ts';
import { findTokenViewer } from '../access/api-tokens.ts';
import { type Access, mayUse, type TokenScope, type Viewer } from '../access/viewer.ts';
import type { Services } from '../services.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who the route is for. A route that does not say so cannot be registered. */
    access?: Access;
    /** What an API token needs for it; without one, tokens cannot use it. */
    scope?: TokenScope;
    /** A caller from elsewhere proves itself in another way than by a form's token. */
    withoutCsrf?: true;
  }
  interface FastifyInstance {
    /** Every route there is, for whoever has to look at all of them. */
    routeList: readonly { readonly method: string; readonly url: string; readonly access: Access }[];
  }
  interface FastifyRequest {
    viewer: Viewer | undefined;
  }
  interface Session {
    accountId?: string;
    oidc?: { readonly state: string; readonly verifier: string; readonly nonce: string };
  }
}

const unsafe = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** Requests that one account, or one address without one, may make in a minute. */
const requestsPerMinute = 600;

/**
 * Lets nobody reach a handler but whom its route is for: finds out who asks (a session, or a token in `Authorization`),
 * keeps their requests within a limit, asks for the form's token where a session changes something.
 */
export function guardRoutes(app: FastifyInstance, services: Services): void {
  app.decorateRequest('viewer', undefined);
  const routes: { method: string; url: string; access: Access }[] = [];
  app.decorate('routeList', routes);
  app.addHook('onRoute', (route) => {
    const access = requireAccess(route);
    for (const method of [route.method].flat()) routes.push({ method, url: route.url, access });
  });
  const limiter = services.stores.limiter({ name: 'requests', points: requestsPerMinute, windowSeconds: 60 });
  app.addHook('preValidation', async (request, reply) => {
    const { access, scope } = request.routeOptions.config;
    request.viewer = await findViewer(request, services);
    const verdict = await limiter.take(request.viewer?.accountId ?? request.ip);
    if (!verdict.allowed) {
      const seconds = Math.ceil(verdict.resetMs / 1000);
      return reply.status(429).header('retry-after', seconds).send(`Too many requests. Try again in ${seconds} s.`);
    }
    // A path without a route has no configuration.
    if (access === undefined || access === 'public') return undefined;
    if (request.viewer === undefined) return refuseStranger(request, reply);
    if (!mayUse(request.viewer, access, scope)) {
      return reply.status(403).send('This is not for your account or token.');
    }
    return undefined;
  });
  app.addHook('preHandler', (request, reply, done) => {
    const { access, withoutCsrf } = request.routeOptions.config;
    const fromToken = request.viewer?.scopes !== undefined;
    if (access === undefined || withoutCsrf === true || fromToken || !unsafe.includes(request.method)) done();
    else app.csrfProtection(request, reply, done);
  });
}

function requireAccess(route: RouteOptions): Access {
  const access = route.config?.access;
  if (access === undefined)
    throw new Error(`${String(route.method)} ${route.url}: expected config.access; got nothing`);
  return access;
}

async function findViewer(request: FastifyRequest, services: Services): Promise<Viewer | undefined> {
  const [, token] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (token !== undefined) return services.database.asFleet((db) => findTokenViewer(db, token, services.now()));
  const { accountId } = request.session;
  return accountId === undefined ? undefined : services.database.asFleet((db) => getAccount(db, accountId));
}

function refuseStranger(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (request.url.startsWith('/api/') || request.method !== 'GET')
    return reply
      .status(401)
      .header('www-authenticate', 'Bearer')
      .send({ error: ['expected a session or a token'] });
  return reply.redirect(`/sign-in?next=${encodeURIComponent(request.url)}`);
}
