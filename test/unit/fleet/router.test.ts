import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { SiteStatus } from '../../../scripts/fleet/fleet.ts';
import { Router } from '../../../scripts/fleet/router.ts';
import { freePort } from '../../../scripts/services/postgres.ts';
import { request } from '../../support/site-process.ts';

const site = (slug: string, state: string, port = 0): SiteStatus => ({
  slug,
  title: `<${slug}>`,
  url: `http://${slug}.localhost`,
  adminUrl: `http://${slug}.localhost/ghost/`,
  database: 'sqlite',
  state,
  detail: '',
  domains: [`${slug}.example.com`],
  plan: 'studio',
  restarts: 0,
  ghostVersion: '6.65.0',
  port,
  probePort: 0,
});

let upstream: Server;
let router: Router;
const platform = { port: 0 };
let port: number;
beforeAll(async () => {
  upstream = createServer(async (incoming, response) => {
    if (incoming.url === '/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('first');
      await sleep(300);
      response.end('second');
    } else if (incoming.url === '/die') incoming.socket.destroy();
    else {
      let bytes = 0;
      for await (const chunk of incoming) bytes += (chunk as Buffer).length;
      response.end(JSON.stringify({ headers: incoming.headers, bytes }));
    }
  });
  new WebSocketServer({ server: upstream }).on('connection', (socket, incoming) => {
    socket.on('message', (text) => socket.send(`${incoming.headers.host} says ${text}`));
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const sites = [
    site('up', 'ready', (upstream.address() as AddressInfo).port),
    site('booting', 'starting', 1),
    site('down', 'crashed'),
    site('closed', 'suspended'),
    site('gone', 'ready', await freePort()),
  ];
  const directory = {
    statuses: () => sites,
    findByHost: (host: string) => sites.find((one) => one.domains.includes(host) || `${one.slug}.localhost` === host),
  };
  router = new Router(directory, platform);
  port = await freePort();
  await router.listen(port);
});
afterAll(() => {
  router.close();
  upstream.close();
  upstream.closeAllConnections();
});

describe('the router', () => {
  it('passes requests for the platform to it, and says so while it starts', async () => {
    platform.port = 0;
    expect(await request(port, '/', { host: 'platform.localhost' })).toMatchObject({
      status: 503,
      body: expect.stringContaining('The dashboard is starting'),
    });
    platform.port = (upstream.address() as AddressInfo).port;
    const { headers } = JSON.parse((await request(port, '/', { host: 'platform.localhost' })).body);
    expect(headers).toMatchObject({ host: 'platform.localhost' });
  });

  it('passes a request to the site of its host, however the host is spelt, and says who asked', async () => {
    for (const host of ['up.localhost', `UP.localhost:${port}`, 'Up.Example.COM.']) {
      const { headers } = JSON.parse((await request(port, '/', { host })).body);
      expect(headers).toMatchObject({ host, 'x-forwarded-proto': 'http', 'x-forwarded-host': host });
      expect(headers['x-forwarded-for']).toMatch(/127\.0\.0\.1$/);
    }
  });

  it('passes what the site sends as it comes, without waiting for the end', async () => {
    const arrivals: [string, number][] = [];
    const started = performance.now();
    await new Promise<void>((resolve, reject) => {
      const sent = httpRequest(
        { host: '127.0.0.1', port, path: '/stream', headers: { host: 'up.localhost' } },
        (response) => {
          response.on('data', (chunk: Buffer) => arrivals.push([chunk.toString(), performance.now() - started]));
          response.on('end', resolve);
        },
      );
      sent.on('error', reject);
      sent.end();
    });
    expect(arrivals.map(([text]) => text)).toEqual(['first', 'second']);
    expect((arrivals[1]?.[1] ?? 0) - (arrivals[0]?.[1] ?? 0)).toBeGreaterThan(200);
  });

  it('passes WebSockets', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, { headers: { host: 'up.example.com' } });
    await once(socket, 'open');
    socket.send('hello');
    const [answer] = await once(socket, 'message');
    expect(String(answer)).toBe('up.example.com says hello');
    socket.close();
    const refused = new WebSocket(`ws://127.0.0.1:${port}/live`, { headers: { host: 'down.localhost' } });
    const [error] = await once(refused, 'error');
    expect(String(error)).toContain('503');
  });

  it.each([
    ['booting.localhost', 503, '2', 'is starting'],
    ['down.localhost', 503, '2', 'is crashed'],
    ['closed.example.com', 503, '3600', 'Nothing is lost'],
    ['gone.localhost', 502, '2', 'is ready'],
    ['<script>.example.com', 404, undefined, 'No site answers for &lt;script&gt;.example.com'],
  ])('answers itself for %s', async (host, status, retryAfter, text) => {
    const answer = await request(port, '/', { host });
    expect([answer.status, answer.headers['retry-after']]).toEqual([status, retryAfter]);
    expect(answer.body).toContain(text);
    expect(answer.body).not.toMatch(/<(up|booting|down|closed|script)>/);
  });

  it('goes on when a site breaks a connection off', async () => {
    expect((await request(port, '/die', { host: 'up.localhost' })).status).toBe(502);
    expect((await request(port, '/', { host: 'up.localhost' })).status).toBe(200);
  });
});
