import { mkdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { engineEnvironment } from '../../../scripts/engine/environment.ts';
import { temporaryDir } from '../../support/site-process.ts';

const tools = { bin: '/tools/bin', plugins: '/tools/plugins' };
let dir: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ dir, remove } = await temporaryDir());
});
afterEach(() => remove());

describe('the environment of the engine', () => {
  it('keeps state, passphrase and plugins in one folder where nothing is named', async () => {
    const { variables, localState } = await engineEnvironment(dir, tools, { PATH: '/usr/bin' });
    expect(localState).toBe(path.join(dir, 'state'));
    expect(variables).toMatchObject({
      PULUMI_HOME: dir,
      PULUMI_BACKEND_URL: `file://${dir}/state?metadata=skip`,
      PULUMI_CONFIG_PASSPHRASE_FILE: path.join(dir, 'passphrase'),
      PULUMI_SKIP_UPDATE_CHECK: 'true',
    });
    expect(variables.PATH?.split(':')[0]).toBe('/tools/bin');
    expect(await readlink(path.join(dir, 'plugins'))).toBe('/tools/plugins');
  });

  it('writes no logs of the engine, and keeps what Node compiles', async () => {
    await mkdir(path.join(dir, 'logs'));
    await writeFile(path.join(dir, 'logs', 'pulumi-1.log'), 'of an earlier run');
    for (const _ of [1, 2]) {
      const { variables } = await engineEnvironment(dir, tools, {});
      // The engine makes a folder of this name, and goes without logs where that fails.
      expect(await readFile(path.join(dir, 'logs'), 'utf8')).toBe('');
      expect(variables.NODE_COMPILE_CACHE).toBe(path.join(dir, 'compile-cache'));
    }
  });

  it('leaves the logs of a home that is named, and the cache that is named, alone', async () => {
    await mkdir(path.join(dir, 'logs'));
    const given = { PULUMI_HOME: dir, NODE_COMPILE_CACHE: '/cache' };
    const { variables } = await engineEnvironment(dir, tools, given);
    expect(variables).toMatchObject(given);
    expect((await stat(path.join(dir, 'logs'))).isDirectory()).toBe(true);
  });

  it('makes a passphrase that only its owner reads, and keeps it', async () => {
    const { variables } = await engineEnvironment(dir, tools, {});
    const file = variables.PULUMI_CONFIG_PASSPHRASE_FILE ?? '';
    const passphrase = await readFile(file, 'utf8');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(passphrase.length).toBeGreaterThan(40);
    await engineEnvironment(dir, tools, {});
    expect(await readFile(file, 'utf8')).toBe(passphrase);
  });

  it.each([[{ PULUMI_BACKEND_URL: 's3://states' }], [{ PULUMI_ACCESS_TOKEN: 'pul-123' }]])(
    'leaves the backend of %o alone',
    async (given) => {
      const { variables, localState } = await engineEnvironment(dir, tools, given);
      expect(localState).toBeUndefined();
      expect(variables).toMatchObject(given);
      expect(variables.PULUMI_BACKEND_URL ?? '').not.toContain(dir);
    },
  );

  it('leaves a home with a login, and its plugins, alone', async () => {
    await writeFile(path.join(dir, 'credentials.json'), '{}');
    const home = path.join(dir, 'local');
    const { variables, localState } = await engineEnvironment(home, tools, { PULUMI_HOME: dir });
    expect(localState).toBeUndefined();
    expect(variables.PULUMI_HOME).toBe(dir);
    await expect(readlink(path.join(dir, 'plugins'))).rejects.toThrow('ENOENT');
  });

  it.each([[{ PULUMI_CONFIG_PASSPHRASE: 'mine' }], [{ PULUMI_CONFIG_PASSPHRASE_FILE: '/run/secrets/passphrase' }]])(
    'leaves the passphrase of %o alone',
    async (given) => {
      const { variables } = await engineEnvironment(dir, tools, given);
      expect(variables).toMatchObject(given);
      await expect(stat(path.join(dir, 'passphrase'))).rejects.toThrow('ENOENT');
    },
  );
});
