import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { usePlatformDatabase } from '../support/platform-database.ts';

const platform = usePlatformDatabase();

it('ends when it is asked to, although whoever started it keeps its standard input open', async () => {
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
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    for await (const text of child.stdout) if (String(text).includes('"msg":"ready"')) break;
    child.kill('SIGTERM');
    const late = new Promise((resolve) => setTimeout(resolve, 20_000, 'still there after 20 s').unref());
    expect(await Promise.race([ended, late])).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});
