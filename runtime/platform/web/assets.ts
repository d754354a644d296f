import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';

const require = createRequire(import.meta.url);

/** Serves style, scripts and the library of charts; few, small, read once. */
export function serveAssets(app: FastifyInstance, dir: string): void {
  const uplot = path.dirname(require.resolve('uplot/package.json'));
  const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
    'style.css': [path.join(dir, 'style.css'), 'text/css; charset=utf-8'],
    'charts.js': [path.join(dir, 'charts.js'), 'text/javascript; charset=utf-8'],
    'progress.js': [path.join(dir, 'progress.js'), 'text/javascript; charset=utf-8'],
    'uplot.js': [path.join(uplot, 'dist/uPlot.esm.js'), 'text/javascript; charset=utf-8'],
    'uplot.css': [path.join(uplot, 'dist/uPlot.min.css'), 'text/css; charset=utf-8'],
  };
  for (const [name, [file, type]] of Object.entries(files)) {
    const content = readFileSync(file);
    app.get(`/assets/${name}`, { config: { access: 'public' } }, async (_request, reply) =>
      reply.type(type).header('cache-control', 'public, max-age=300').send(content),
    );
  }
}
