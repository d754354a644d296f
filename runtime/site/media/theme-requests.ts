import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Logger } from '../logger.ts';

/** Requests of Ghost's Admin API that change the themes on the disk. */
const changing = /\/ghost\/api\/admin\/themes\/(upload|install|[^/?]+)\/?(\?|$)/;

/**
 * Holds the answer to every request that changes themes until `save` has taken them where they outlive this process, so that
 * nothing is acknowledged that a killed pod would lose. Where saving fails the answer is an error.
 */
export function saveBeforeAnswering(server: Server, save: () => Promise<void>, logger: Logger): void {
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!['POST', 'DELETE'].includes(request.method ?? '') || !changing.test(request.url ?? '')) return;
    const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
    response.end = ((...args: unknown[]) => {
      save().then(
        () => end(...args),
        (error: Error) => {
          logger.error({ reason: error.message }, 'a theme could not be stored in the bucket');
          refuse(response, end);
        },
      );
      return response;
    }) as typeof response.end;
  });
}

function refuse(response: ServerResponse, end: (...args: unknown[]) => ServerResponse): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const message = 'The theme could not be stored. Please try again.';
  const body = JSON.stringify({ errors: [{ message, type: 'InternalServerError' }] });
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = 503;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  end(body);
}
