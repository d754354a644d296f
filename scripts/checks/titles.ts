import { get } from 'node:http';
import { parseArgs } from 'node:util';
import { requireRegistry } from '../../sites/registry.ts';

const usage = `usage: node scripts/checks/titles.ts [--port 8080] [--sites <dir>]

Asks a running fleet for the front page of every domain in the registry and compares its title with the YAML's.
Exits 1 when one differs.`;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    sites: { type: 'string', default: 'sites' },
    help: { type: 'boolean', short: 'h' },
  },
});

if (values.help) {
  console.log(usage);
} else {
  const registry = await requireRegistry(values.sites);
  let wrong = 0;
  for (const site of registry.sites) {
    for (const domain of site.domains) {
      const { status, title } = await readTitle(Number(values.port), domain);
      const matches = status === 200 && title === site.title;
      if (!matches) wrong += 1;
      console.log(`${matches ? 'ok    ' : 'FAILED'} ${domain}: expected "${site.title}"; got ${status} "${title}"`);
    }
  }
  process.exitCode = wrong === 0 && registry.sites.length > 0 ? 0 : 1;
}

/** Status and `<title>` that the router on `port` answers for `domain` by the Host header (fetch would not send ours). */
function readTitle(port: number, domain: string): Promise<{ status: number; title: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/', headers: { host: domain } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, title: /<title>([^<]*)<\/title>/.exec(body)?.[1]?.trim() ?? '' });
      });
    });
    request.on('error', reject);
  });
}
