import { createServer, type Server } from 'node:http';
import type { SiteConfig } from './config.ts';
import type { Logger } from './logger.ts';

/**
 * Stands in for a paused or suspended site: a page with 503 on the site's port, and a probe port on which it is alive and
 * ready, since that page is what it is for. Touches neither Ghost nor the database.
 *
 * @returns once both ports listen; the process ends with SIGTERM or SIGINT
 */
export async function serveMaintenance(config: SiteConfig, logger: Logger): Promise<void> {
  const page = maintenancePage(config.title ?? config.slug);
  const site = createServer((_request, response) => {
    response.writeHead(503, {
      'content-type': 'text/html; charset=utf-8',
      'retry-after': '3600',
      'cache-control': 'no-store',
    });
    response.end(page);
  });
  const probes = createServer((request, response) => {
    const known = ['/livez', '/readyz'].includes(request.url ?? '');
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ready: known, phase: 'maintenance' }));
  });
  await Promise.all([listen(site, config.port, config.host), listen(probes, config.probePort, config.host)]);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
  logger.info({ port: config.port, probePort: config.probePort }, 'serving the maintenance page');
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}

function maintenancePage(title: string): string {
  const name = title.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${name}</title><style>:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; } body { max-width: 40rem; margin: 20vh auto; padding: 0 1.5rem; }</style></head><body><h1>${name} is resting</h1><p>We will be back. Nothing is lost.</p></body></html>`;
}
