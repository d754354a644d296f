import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram, pgbouncer } from '../../../scripts/services/debian-packages.ts';
import { startTestPgBouncer } from '../../support/pgbouncer-server.ts';
import { PluginProcess, secret } from '../../support/plugin-process.ts';
import { useTestServer } from '../../support/test-server.ts';

const shared = useTestServer();
let plugin: PluginProcess;
beforeAll(async () => {
  plugin = await PluginProcess.start();
  for (const role of ['keeper', 'reader', 'stranger'])
    await query('postgres', `create role ${role} login password 'p'`);
});
afterAll(async () => {
  await plugin?.orphan();
});

let made = 0;
const freshName = () => `platform_${++made}`;

function inputsOf(name: string, more: object = {}) {
  const { host, port, user, password } = shared.server;
  const admin = secret({ host, port, user, password, ssl: 'off' });
  const roles = { ownerRole: 'keeper', connectingRoles: ['reader'] };
  return { name, cluster: 'eu-1', stack: 'ghost-fleet/test', ...roles, admin, ...more };
}

/** As the administrator, unless a role is named, whose password is `p`. */
async function query(
  database: string,
  text: string,
  role?: string,
  more: object = {},
): Promise<Record<string, unknown>[]> {
  const { host, port, user, password } = shared.server;
  const login = role === undefined ? { user, password } : { user: role, password: 'p' };
  const client = new pg.Client({ host, port, database, ...login, ...more });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

const enter = (database: string, role: string) =>
  query(database, 'select 1', role).then(
    () => 'in',
    (error: Error) => error.message,
  );

describe('a database of the platform', () => {
  it('belongs to its owner and lets in nobody but whom it names', async () => {
    const name = freshName();
    const { state } = await plugin.create('Database', inputsOf(name));
    await query(name, 'create schema own', 'keeper');
    expect(await enter(name, 'reader')).toBe('in');
    expect(await enter(name, 'stranger')).toMatch(/permission denied for database/);
    await expect(query(name, 'create schema theirs', 'reader')).rejects.toThrow(/permission denied/);
    expect(await plugin.read('Database', state)).toEqual(state);
    expect(await plugin.read('Database', { ...state, name: 'never_was' })).toBeUndefined();
  });

  it('is adopted by its stack with what it holds, and stays when the resource is deleted', async () => {
    const name = freshName();
    const { state } = await plugin.create('Database', inputsOf(name));
    await query(name, 'create schema kept', 'keeper');
    await plugin.delete('Database', state);
    await plugin.create('Database', inputsOf(name));
    expect(await query(name, "select 1 as there from pg_namespace where nspname = 'kept'")).toEqual([{ there: 1 }]);
  });

  it.each([
    ['before anything else was done', []],
    ['before it was opened', [`alter database "NAME" owner to keeper`, `comment on database "NAME" is 'MARK'`]],
  ])('is made whole where its making was interrupted %s', async (_when, done) => {
    const name = freshName();
    await query('postgres', `create database "${name}" template template0 allow_connections false`);
    for (const step of done) {
      await query('postgres', step.replace('NAME', name).replace('MARK', 'ghost-fleet: database of ghost-fleet/test'));
    }
    await plugin.create('Database', inputsOf(name));
    expect(await enter(name, 'keeper')).toBe('in');
    expect(await enter(name, 'stranger')).toMatch(/permission denied for database/);
  });

  it('is never taken from another stack, nor from whoever made one by this name', async () => {
    const [foreign, unmarked] = [freshName(), freshName()];
    await plugin.create('Database', inputsOf(foreign, { stack: 'ghost-fleet/other' }));
    await expect(plugin.create('Database', inputsOf(foreign))).rejects.toThrow(
      /expected no database of this name, or one of ghost-fleet\/test; got one with the mark "ghost-fleet: database of ghost-fleet\/other"/,
    );
    await query('postgres', `create database "${unmarked}"`);
    await expect(plugin.create('Database', inputsOf(unmarked))).rejects.toThrow(/got one without a mark/);
    expect(await enter(unmarked, 'stranger')).toBe('in');
  });

  it('shows drift to a refresh, and an update takes it back', async () => {
    const name = freshName();
    const { state } = await plugin.create('Database', inputsOf(name));
    await query('postgres', `revoke connect on database "${name}" from reader`);
    await query('postgres', `alter database "${name}" owner to postgres`);
    const drifted = await plugin.read('Database', state);
    expect(drifted).toMatchObject({ ownerRole: 'postgres', connectingRoles: [] });
    await plugin.update('Database', drifted ?? {}, inputsOf(name));
    expect(await plugin.read('Database', state)).toEqual(state);
  });

  it.skipIf(findProgram(pgbouncer) === undefined)(
    'is reached through PgBouncer by a role whose verifier it was given, until the role has another password',
    async () => {
      const { host, port, user, password } = shared.server;
      await query('postgres', "create role pgbouncer login password 'looks-passwords-up'");
      const pooler = await startTestPgBouncer(shared.dir, shared.server, 'looks-passwords-up');
      const name = freshName();
      const admin = secret({ host, port, user, password, ssl: 'off' });
      const makeRole = async (text: string) => {
        const { state } = await plugin.create('Role', {
          name: 'pooled',
          password: secret(text),
          connectionLimit: 5,
          admin,
        });
        // Secret in the state, and handed on as such.
        return secret({ role: 'pgbouncer', verifiers: { pooled: (state.verifier as { value: string }).value } });
      };
      const pooled = (text: string) =>
        query(name, 'select current_user as who', 'pooled', { port: pooler.port, password: text });
      try {
        const first = await makeRole('first-password-of-it');
        const inputs = (more: object) => inputsOf(name, { connectingRoles: ['pooled'], ...more });
        const { state } = await plugin.create('Database', inputs({ pooler: first }));
        expect(await pooled('first-password-of-it')).toEqual([{ who: 'pooled' }]);
        await expect(pooled('wrong-password-of-it')).rejects.toThrow(/password|SASL/);
        await expect(
          query(name, 'select * from pooler.credentials', 'pooled', {
            password: 'first-password-of-it',
          }),
        ).rejects.toThrow(/permission denied/);
        const second = await makeRole('second-password-of-it');
        await plugin.update('Database', state, inputs({ pooler: second }));
        expect(await pooled('second-password-of-it')).toEqual([{ who: 'pooled' }]);
      } finally {
        await pooler.stop();
      }
    },
  );

  it('is refused another name, cluster or stack, all at once', async () => {
    const moved = inputsOf('elsewhere', { cluster: 'us-1', stack: 'ghost-fleet/other' });
    const { failures } = await plugin.check('Database', moved, inputsOf('platform_x'));
    expect(failures.map(({ property }) => property)).toEqual(['name', 'cluster', 'stack']);
  });
});
