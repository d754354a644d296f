import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../scripts/services/postgres.ts';
import { installTools } from '../../scripts/tools/install.ts';

/**
 * Stripe's own stand-in for its API. It refuses what the published definition of the API does not allow and answers with
 * the definition's examples; it remembers nothing, so what it answers says nothing of what was asked before.
 */
export interface TestStripe {
  readonly url: string;
  /** What it was asked so far, a line each, such as `POST /v1/refunds`. */
  requests(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts stripe-mock on a free port. */
export async function startStripeMock(dir: string): Promise<TestStripe> {
  const { bin } = await installTools({ root: path.resolve('.'), sets: ['payment-service'] });
  const port = await freePort();
  const logFile = path.join(dir, 'stripe-mock.log');
  const log = await open(logFile, 'a', 0o600);
  const child = spawn(path.join(bin, 'stripe-mock'), ['-http-addr', `127.0.0.1:${port}`, '-verbose'], {
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
    requests: async () => {
      const text = await readFile(logFile, 'utf8');
      return [...text.matchAll(/Request: (\w+ \S+)/g)].map((match) => match[1] ?? '');
    },
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
