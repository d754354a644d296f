import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where the sites' webhooks are sent to: one for a whole run, so that its address is the same for every database. */
export interface Receiver {
  readonly port: number;
  /** Forgets what was delivered. */
  clear(): void;
  stop(): Promise<void>;
}

/** Keeps what is posted to it and gives it back, sorted, as the answer to a GET: Ghost delivers in no fixed order. */
export async function startReceiver(): Promise<Receiver> {
  let deliveries: { to: string; payload: unknown }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'POST') {
        deliveries.push({ to: request.url ?? '', payload: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
        response.end('{}');
      } else {
        const sorted = deliveries.toSorted((a, b) => (a.to < b.to ? -1 : 1));
        response.end(JSON.stringify({ count: deliveries.length, deliveries: sorted }));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    clear() {
      deliveries = [];
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
