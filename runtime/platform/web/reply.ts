import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Viewer } from '../access/viewer.ts';
import { type Markup, renderDocument } from './html.ts';
import { type PageContext, page } from './layout.ts';

/** A page does not exist, or not for whoever asks. */
export class NotFound extends Error {
  readonly statusCode = 404;
}

/** What was sent is not what the form takes; each line says what was expected. */
export class BadInput extends Error {
  readonly statusCode = 422;
}

/** Sends a whole page. */
export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  title: string,
  content: Markup,
  scripts: readonly string[] = [],
): FastifyReply {
  const context = contextOf(request, reply);
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(renderDocument(page(context, title, content, scripts)));
}

/** What a page of this request is told; makes the token of its forms. */
export function contextOf(request: FastifyRequest, reply: FastifyReply): PageContext {
  const csrfToken = request.viewer?.scopes === undefined ? reply.generateCsrf() : undefined;
  return { viewer: request.viewer, csrfToken, path: request.url.replace(/\?.*$/, '') };
}

/** Who asks, on a route that lets nobody else in. */
export function viewerOf(request: FastifyRequest): Viewer {
  if (request.viewer === undefined) throw new Error('expected a route for those who are signed in');
  return request.viewer;
}

/** The site that a route of `/sites/:slug` is asked for. */
export function slugOf(request: FastifyRequest): string {
  return (request.params as { slug: string }).slug;
}
