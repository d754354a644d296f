import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PluginProcess, secret } from '../../support/plugin-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const shared = useTestServer();
let plugin: PluginProcess;
beforeAll(async () => {
  plugin = await PluginProcess.start();
});
afterAll(async () => {
  await plugin?.orphan();
});

function inputsOf(more: object = {}) {
  const { host, port, user, password } = shared.server;
  const admin = secret({ host, port, user, password, ssl: 'off' });
  return { name: 'looks_up', password: secret('a-password-of-the-role'), connectionLimit: 5, admin, ...more };
}

async function login(password: string): Promise<string> {
  const { host, port } = shared.server;
  const client = new pg.Client({ host, port, user: 'looks_up', password, database: 'postgres' });
  return client.connect().then(
    () => client.end().then(() => 'in'),
    (error: Error) => error.message,
  );
}

describe('a shared role', () => {
  it('is made, and adopted under another password where it is there', async () => {
    await plugin.create('Role', inputsOf());
    expect(await login('a-password-of-the-role')).toBe('in');
    await plugin.create('Role', inputsOf({ password: secret('another-password-of-it') }));
    expect(await login('another-password-of-it')).toBe('in');
    expect(await login('a-password-of-the-role')).toMatch(/password authentication failed/);
  });

  it('loses its login and stays when the resource is deleted, and shows drift to a refresh', async () => {
    const { state } = await plugin.create('Role', inputsOf());
    expect(await plugin.read('Role', state)).toEqual(state);
    await plugin.delete('Role', state);
    expect(await login('a-password-of-the-role')).toMatch(/not permitted to log in/);
    expect(await plugin.read('Role', state)).toMatchObject({ connectionLimit: 0 });
    expect(await plugin.read('Role', { ...state, name: 'never_was' })).toBeUndefined();
  });

  it('is refused another name', async () => {
    const { failures } = await plugin.check('Role', inputsOf({ name: 'renamed' }), inputsOf());
    expect(failures.map(({ property }) => property)).toEqual(['name']);
  });
});
