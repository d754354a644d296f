import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createProxyServer } from 'httpxy';
import { normaliseDomain } from '../../sites/domain.ts';
import { UsageError } from '../command.ts';
import type { SiteStatus } from './fleet.ts';
import { fleetPage, maintenancePage, notReadyPage, platformStartingPage, unknownHostPage } from './pages.ts';

/** Where the router learns who answers for a host. */
export interface SiteDirectory {
  findByHost(host: string): SiteStatus | undefined;
  statuses(): SiteStatus[];
}

/** Host of the dashboard; `localhost` itself has the router's own page of the fleet. */
export const platformHost = 'platform.localhost';

/**
 * The fleet's front door on 127.0.0.1: passes requests and WebSockets by their Host header to the site's process, unbuffered,
 * and answers for sites that cannot answer themselves.
 */
export class Router {
  readonly #directory: SiteDirectory;
  readonly #platform: { readonly port: number };
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
  readonly #sockets = new Set<Socket>();
  readonly #proxy;

  /** @param platform where the dashboard answers; port 0 while it does not */
  constructor(directory: SiteDirectory, platform: { readonly port: number }) {
    this.#directory = directory;
    this.#platform = platform;
    this.#proxy = createProxyServer({ xfwd: true, agent: this.#agent, proxyTimeout: 300_000 });
    this.#server = createServer((request, response) => this.#route(request, response));
    this.#server.on('upgrade', (request, socket: Socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    // Uploads of a large import take longer than Node's default of five minutes for a whole request.
    this.#server.requestTimeout = 0;
  }

  /** @throws UsageError when the port is taken */
  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          error.code === 'EADDRINUSE'
            ? new UsageError([`--port: expected a free port; ${port} is in use (choose another with -- --port <port>)`])
            : error,
        ),
      );
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
  }

  #route(request: IncomingMessage, response: ServerResponse): void {
    const host = readHost(request);
    if (host === 'localhost' || host === '127.0.0.1') {
      this.#answerFleet(request, response, host);
      return;
    }
    if (host === platformHost) {
      if (this.#platform.port === 0) respond(response, 503, platformStartingPage(), 2);
      else this.#pass(request, response, this.#platform.port, platformStartingPage);
      return;
    }
    const site = this.#directory.findByHost(host);
    if (site === undefined) respond(response, 404, unknownHostPage(host, this.#directory.statuses()));
    else if (site.state === 'paused' || site.state === 'suspended')
      respond(response, 503, maintenancePage(site), 3_600);
    else if (site.port === 0 || site.state === 'starting') respond(response, 503, notReadyPage(site), 2);
    else this.#pass(request, response, site.port, (detail) => notReadyPage({ ...site, detail }));
  }

  #pass(request: IncomingMessage, response: ServerResponse, port: number, explain: (error: string) => string): void {
    this.#proxy.web(request, response, { target: `http://127.0.0.1:${port}` }).catch((error: Error) => {
      // The process ended under way, or the visitor went away.
      if (response.headersSent) response.destroy();
      else respond(response, 502, explain(error.message), 2);
    });
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const site = this.#directory.findByHost(readHost(request));
    socket.on('error', () => socket.destroy());
    if (site === undefined || site.port === 0) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
      return;
    }
    this.#proxy.ws(request, socket, { target: `http://127.0.0.1:${site.port}` }, head).catch(() => socket.destroy());
  }

  #answerFleet(request: IncomingMessage, response: ServerResponse, host: string): void {
    const path = (request.url ?? '/').replace(/\?.*$/, '');
    const sites = this.#directory.statuses();
    if (path === '/fleet.json') {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(`${JSON.stringify({ sites: sites.map(({ port, ...site }) => site) }, null, 2)}\n`);
    } else if (path === '/') respond(response, 200, fleetPage(sites));
    else respond(response, 404, unknownHostPage(`${host}${path}`, sites));
  }
}

/** Host name that a request asks for, in its one spelling: no port, no trailing dot, lower case, punycode. */
function readHost(request: IncomingMessage): string {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  return normaliseDomain(host) ?? host.toLowerCase();
}

function respond(response: ServerResponse, status: number, body: string, retryAfterSeconds?: number): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(body);
}
