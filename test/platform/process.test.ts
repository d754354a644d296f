import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { freePort } from '../../scripts/services/postgres.ts';
import { usePlatformDatabase } from '../support/platform-database.ts';

const platform = usePlatformDatabase();

/** A worker that has said that it is ready; its standard input stays open. */
async function startWorker(env: Readonly<Record<string, string>> = {}) {
  const { host, port, password } = platform.settings;
  const child = spawn(process.execPath, ['runtime/platform/main.ts', 'worker'], {
    env: {
      PATH: process.env.PATH,
      PLATFORM_URL: 'http://platform.localhost:8080',
      DATABASE_HOST: host,
      DATABASE_PORT: String(port),
      DATABASE_PASSWORD: password,
      SESSION_SECRET: 'a secret of a test, which is long enough',
      STOP_ON_STDIN_END: 'true',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  for await (const text of child.stdout) if (String(text).includes('"msg":"ready"')) break;
  const end = async () => {
    child.kill('SIGTERM');
    const late = new Promise((resolve) => setTimeout(resolve, 20_000, 'still there after 20 s').unref());
    try {
      return await Promise.race([ended, late]);
    } finally {
      child.kill('SIGKILL');
    }
  };
  return { end };
}

/** A way to a server that can fall silent as a network does: what is sent arrives nowhere, and nothing is closed. */
async function startLine(host: string, port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    fallSilent() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

it('ends when it is asked to, although whoever started it keeps its standard input open', async () => {
  const worker = await startWorker();
  expect(await worker.end()).toEqual([0, null]);
});

it('ends when it is asked to, although its Redis never answered', async () => {
  const worker = await startWorker({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
  expect(await worker.end()).toEqual([0, null]);
});

it('ends in time, with 70, where the database has fallen silent', async () => {
  const line = await startLine(platform.settings.host, platform.settings.port);
  try {
    const worker = await startWorker({ DATABASE_PORT: String(line.port), SHUTDOWN_SECONDS: '2' });
    line.fallSilent();
    expect(await worker.end()).toEqual([70, null]);
  } finally {
    line.stop();
  }
});
