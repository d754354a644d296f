import { existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { deriveSecret } from '../../../sites/derived-secret.ts';
import type { KnownSite } from '../../support/known-site.ts';
import { deploymentOf } from '../../support/recorded-engine.ts';
import type { Ghosts } from './ghosts.ts';
import { probeDomain } from './names.ts';

/** How long a recorded site takes from its deployment to its first answer. */
const recordedStartMs = 700;

export interface FrontDoorArgs {
  readonly sites: readonly KnownSite[];
  /** Where the recorded engine notes what it has deployed. */
  readonly engineDir: string;
  readonly analyticsKey: string;
  /** Those of the sites that the real engine deploys. */
  readonly ghosts: Ghosts | undefined;
}

/**
 * The sites' front door and probe ports, as a proxy for whoever asks: passes on to the real Ghosts, and answers for recorded
 * ones a while after they were deployed.
 */
export class FrontDoor {
  readonly #args: FrontDoorArgs;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Which of the two numbers of requests the sites tell. */
  visit: 0 | 1 = 0;

  constructor(args: FrontDoorArgs) {
    this.#args = args;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('connect', (_request, socket: Socket) => {
      socket.on('error', () => socket.destroy());
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      this.#server.emit('connection', socket);
    });
  }

  /** @returns its port on 127.0.0.1 */
  listen(): Promise<number> {
    return new Promise((resolve) =>
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      }),
    );
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    const site = this.#args.sites.find(({ slug }) => host.startsWith(`${slug}.`));
    if (site === undefined) response.writeHead(404).end();
    else if (host.endsWith(probeDomain)) this.#report(site, request, response);
    else response.writeHead(await this.#statusOf(site)).end();
  }

  async #statusOf({ slug }: KnownSite): Promise<number> {
    const { engineDir, ghosts } = this.#args;
    const deployment = deploymentOf(engineDir, slug);
    if (!existsSync(deployment)) return ghosts?.ask(slug) ?? 503;
    return Date.now() - statSync(deployment).mtimeMs < recordedStartMs ? 503 : 200;
  }

  #report({ slug, storageBytes, requests }: KnownSite, request: IncomingMessage, response: ServerResponse): void {
    const token = deriveSecret(this.#args.analyticsKey, 'analytics-token', slug);
    if (request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401).end();
      return;
    }
    const report = { numbers: null, storageBytes, requests: { process: slug, count: requests[this.visit] } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(report));
  }
}
