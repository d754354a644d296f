import pg from 'pg';
import { z } from 'zod';
import { withClient } from '../../runtime/database/administrator.ts';
import { catalogueLock, ensureRole } from '../../runtime/database/catalogue.ts';
import { administrator } from './administrator.ts';
import { defineKind } from './resource-kind.ts';
import { scramVerifier } from './scram.ts';

const { escapeIdentifier: name } = pg;

const inputs = z.strictObject({
  name: z.string().regex(/^[a-z_][a-z0-9_]*$/),
  password: z.string().min(16),
  connectionLimit: z.int().min(1),
  admin: administrator,
});

export type RoleInputs = z.output<typeof inputs>;

export interface RoleOutputs {
  /** What the server keeps of the password: a pooler is given the very same. */
  readonly verifier: string;
}

/** A role that logs in and owns nothing by itself; adopted where it is there, and never dropped: others depend on it. */
export const role = defineKind<RoleInputs, RoleOutputs>({
  inputs,
  secrets: ['admin', 'password', 'verifier'],
  identity: ['name'],
  onIdentityChange: 'refuse',

  async create(request) {
    return { id: request.name, outputs: await ensure(request) };
  },

  update: ensure,

  async read(state) {
    const query = 'select rolconnlimit, rolcanlogin from pg_roles where rolname = $1';
    const found = await withClient(
      state.admin,
      'postgres',
      async (client) =>
        (await client.query<{ rolconnlimit: number; rolcanlogin: boolean }>(query, [state.name])).rows[0],
    );
    return found && { ...state, connectionLimit: found.rolcanlogin ? found.rolconnlimit : 0 };
  },

  async delete(state) {
    await withClient(state.admin, 'postgres', async (client) => {
      const { rowCount } = await client.query('select from pg_roles where rolname = $1', [state.name]);
      if (rowCount === 1) await client.query(`alter role ${name(state.name)} nologin`);
    });
  },
});

async function ensure(request: RoleInputs): Promise<RoleOutputs> {
  const verifier = scramVerifier(request.password);
  await withClient(request.admin, 'postgres', async (client) => {
    // Until this connection ends: PostgreSQL fails one of two changes of the same row of its catalogues.
    await client.query('select pg_advisory_lock($1)', [catalogueLock]);
    await ensureRole(client, request.name, verifier, request.connectionLimit);
  });
  return { verifier };
}
