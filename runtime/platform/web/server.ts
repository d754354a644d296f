import path from 'node:path';
import cookie from '@fastify/cookie';
import csrf from '@fastify/csrf-protection';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import session from '@fastify/session';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ZodError } from 'zod';
import { formatProblem, RegistryError } from '../../../sites/registry.ts';
import { BillingError } from '../billing/errors.ts';
import { registerProbes } from '../probes.ts';
import type { Services } from '../services.ts';
import { serveAssets } from './assets.ts';
import { guardRoutes } from './guard.ts';
import { html, type Markup } from './html.ts';
import { registerPages } from './pages/register.ts';
import { NotFound, sendPage } from './reply.ts';

const sessionHours = 14 * 24;

/** Longer than Traefik (90 s) and nginx (60 s) keep an idle connection: none sends into one that is being closed. */
const keepAliveMs = 95_000;

/** Makes the platform's server: API and dashboard. Listening and closing are the caller's. */
export async function createServer(services: Services): Promise<FastifyInstance> {
  const { config } = services;
  const secure = config.url.protocol === 'https:';
  const app = fastify({
    trustProxy: config.trustProxy,
    keepAliveTimeout: keepAliveMs,
    bodyLimit: 64 * 1024,
    routerOptions: { maxParamLength: 200 },
  });
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        // uPlot places what it draws by inline styles.
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'", ...(secure ? ['https:'] : ['http:'])],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    },
    strictTransportSecurity: secure && { maxAge: 31_536_000 },
  });
  await app.register(formbody, { bodyLimit: 64 * 1024 });
  await app.register(cookie);
  await app.register(session, {
    secret: config.sessionSecret,
    store: services.stores.sessions,
    cookieName: secure ? '__Host-platform' : 'platform',
    cookie: { secure, httpOnly: true, sameSite: 'lax', path: '/', maxAge: sessionHours * 3_600_000 },
    saveUninitialized: false,
    rolling: true,
  });
  await app.register(csrf, { sessionPlugin: '@fastify/session' });
  guardRoutes(app, services);
  serveAssets(app, path.join(import.meta.dirname, 'assets'));
  registerProbes(app, services);
  registerPages(app, services);
  app.setNotFoundHandler((request, reply) => answerError(request, reply, new NotFound('There is no such page.')));
  app.setErrorHandler((error, request, reply) => {
    const known = explain(error as FastifyError);
    if (known.statusCode >= 500) services.log(`${request.method} ${request.routeOptions.url ?? 'unknown'}`, error);
    return answerError(request, reply, known);
  });
  return app;
}

function explain(error: FastifyError): { readonly message: string; readonly statusCode: number } {
  if (error instanceof RegistryError) {
    const message = error.problems.map((problem) => formatProblem(problem).replace(/^\S+:\d+ /, '')).join('\n');
    return { message, statusCode: 422 };
  }
  if (error instanceof ZodError) {
    const lines = error.issues.map(({ path: at, message }) => `${at.join('.') || 'the form'}: expected ${message}`);
    return { message: lines.join('\n'), statusCode: 422 };
  }
  if (error instanceof BillingError) {
    const message = [error.message, ...(error.remedy === undefined ? [] : [error.remedy])].join('; ');
    return { message, statusCode: error.code === 'not-found' ? 404 : 422 };
  }
  const statusCode = error.statusCode ?? 500;
  if (error.code?.startsWith('FST_CSRF') === true)
    return { message: 'This form is too old. Go back, reload the page and try again.', statusCode: 403 };
  return { message: statusCode < 500 ? error.message : 'Something went wrong here. We have been told.', statusCode };
}

function answerError(
  request: FastifyRequest,
  reply: FastifyReply,
  { message, statusCode }: { readonly message: string; readonly statusCode: number },
): FastifyReply {
  reply.status(statusCode);
  if (request.url.startsWith('/api/')) return reply.send({ error: message.split('\n') });
  const lines = message.split('\n').map((line) => html`<p>${line}</p>`);
  const title = statusCode === 404 ? 'Not found' : statusCode < 500 ? 'That did not work' : 'Something went wrong';
  return sendPage(
    request,
    reply,
    title,
    html`<h1>${title}</h1>
      <div class="problems" role="alert">${lines}</div>
      <p><a href="/">Back to the start</a></p>` as Markup,
  );
}
