import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../scripts/services/postgres.ts';
import { installTools } from '../../scripts/tools/install.ts';

/** One call as stripe-mock got it. */
export interface StripeCall {
  /** Such as `POST /v1/refunds`. */
  readonly route: string;
  readonly parameters: URLSearchParams;
  readonly idempotencyKey: string | undefined;
}

/** What becomes of the example that stripe-mock answers a call with; undefined lets the connection break. */
export type AlterAnswer = (call: StripeCall, example: Record<string, unknown>) => Record<string, unknown> | undefined;

/**
 * Stripe's own stand-in for its API. It refuses what the published definition of the API does not allow and answers with
 * the definition's examples; it remembers nothing. Where a test needs another answer, such as a payment that succeeded, it
 * alters the example.
 */
export interface TestStripe {
  readonly url: string;
  /** What it was asked since the last `reset`. */
  readonly calls: readonly StripeCall[];
  /** Forgets the calls and says how examples are altered from now on. @param alter @default not at all */
  reset(alter?: AlterAnswer): void;
  stop(): Promise<void>;
}

/** Starts stripe-mock behind a listener that notes calls and alters answers. */
export async function startStripeMock(dir: string): Promise<TestStripe> {
  const mock = await startProcess(dir);
  let calls: StripeCall[] = [];
  let alter: AlterAnswer = (_call, example) => example;
  const server = createServer(async (request, response) => {
    const body = await readBody(request);
    const { pathname, searchParams } = new URL(request.url ?? '/', mock.url);
    const route = `${request.method} ${pathname}`;
    const parameters = new URLSearchParams([...searchParams, ...new URLSearchParams(body)]);
    const call = { route, parameters, idempotencyKey: header(request, 'idempotency-key') };
    calls.push(call);
    const answer = await fetch(new URL(request.url ?? '/', mock.url), {
      method: request.method ?? 'GET',
      headers: {
        authorization: header(request, 'authorization') ?? '',
        'content-type': 'application/x-www-form-urlencoded',
      },
      ...(request.method === 'POST' && { body }),
    });
    const example = (await answer.json()) as Record<string, unknown>;
    const altered = answer.ok ? alter(call, example) : example;
    if (altered === undefined) {
      request.socket.destroy();
      return;
    }
    const status = answer.ok && 'error' in altered ? 402 : answer.status;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(altered));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return calls;
    },
    reset: (next = (_call, example) => example) => {
      calls = [];
      alter = next;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await mock.stop();
    },
  };
}

async function startProcess(dir: string): Promise<{ url: string; stop(): Promise<void> }> {
  const { bin } = await installTools({ root: path.resolve('.'), sets: ['payment-service'] });
  const port = await freePort();
  const logFile = path.join(dir, 'stripe-mock.log');
  const log = await open(logFile, 'a', 0o600);
  const child = spawn(path.join(bin, 'stripe-mock'), ['-http-addr', `127.0.0.1:${port}`], {
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + 30_000; ; await sleep(100)) {
    const answers = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answers) break;
    if (child.exitCode === null && Date.now() < deadline) continue;
    child.kill('SIGTERM');
    throw new Error(`stripe-mock did not start:\n${await readFile(logFile, 'utf8')}`);
  }
  return {
    url,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
