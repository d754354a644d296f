import pg from 'pg';
import { z } from 'zod';
import { withClient } from '../../runtime/database/administrator.ts';
import { catalogueLock, closeToPublic, createDatabase } from '../../runtime/database/catalogue.ts';
import { administrator } from './administrator.ts';
import { storePoolerCredential } from './pooler-credential.ts';
import { defineKind } from './resource-kind.ts';

const { escapeIdentifier: name, escapeLiteral: literal } = pg;

const identifier = z.string().regex(/^[a-z_][a-z0-9_]*$/);

const inputs = z.strictObject({
  name: identifier,
  /** Name of the cluster in the stack's configuration; its address may change, the cluster may not. */
  cluster: z.string().min(1),
  /** Stack that the data belongs to: another one on the same server never takes it over. */
  stack: z.string().min(1),
  /** Role that owns the database and everything in it. */
  ownerRole: identifier,
  /** Roles that may connect besides. */
  connectingRoles: z.array(identifier),
  /** Role of a pooler that looks passwords up in the database, and what it finds there: SCRAM verifiers by role. */
  pooler: z
    .strictObject({ role: identifier, verifiers: z.record(identifier, z.string().startsWith('SCRAM-SHA-256$')) })
    .optional(),
  admin: administrator,
});

export type DatabaseInputs = z.output<typeof inputs>;

/**
 * A database that a role owns and only named roles reach; made, or adopted where the same stack made it, an interrupted
 * making included. Deleting drops nothing; another name, cluster or stack is refused, since the data would stay behind.
 */
export const database = defineKind<DatabaseInputs, object>({
  inputs,
  secrets: ['admin', 'pooler'],
  identity: ['name', 'cluster', 'stack'],
  onIdentityChange: 'refuse',

  async create(request) {
    await underCatalogueLock(request, async (client) => {
      await refuseStrangers(client, request);
      await provision(client, request);
    });
    return { id: `${request.cluster}/${request.name}`, outputs: {} };
  },

  async update(request) {
    await underCatalogueLock(request, (client) => provision(client, request));
    return {};
  },

  async read(state) {
    return withClient(state.admin, 'postgres', async (client) => {
      const found = await find(client, state.name);
      if (found === undefined) return undefined;
      const query = `select rolname from pg_roles where rolname = any($2) and has_database_privilege(oid, $1, 'connect')`;
      const { rows } = await client.query<{ rolname: string }>(query, [state.name, state.connectingRoles]);
      const connecting = rows.map(({ rolname }) => rolname);
      return {
        ...state,
        ownerRole: found.owner,
        connectingRoles: state.connectingRoles.filter((role) => connecting.includes(role)),
      };
    });
  },

  async delete() {
    // What it holds outlives every configuration.
  },
});

interface FoundDatabase {
  readonly owner: string;
  /** False while it is being made. */
  readonly open: boolean;
  readonly comment: string | null;
}

async function find(client: pg.Client, database: string): Promise<FoundDatabase | undefined> {
  const query = `select pg_get_userbyid(datdba) as owner, datallowconn as open, shobj_description(oid, 'pg_database') as comment
    from pg_database where datname = $1`;
  return (await client.query<FoundDatabase>(query, [database])).rows[0];
}

/** PostgreSQL fails one of two changes of the same row of its catalogues. */
async function underCatalogueLock(request: DatabaseInputs, use: (client: pg.Client) => Promise<void>): Promise<void> {
  await withClient(request.admin, 'postgres', async (client) => {
    // Until this connection ends.
    await client.query('select pg_advisory_lock($1)', [catalogueLock]);
    await use(client);
  });
}

/** Every step may be repeated; the mark comes before the opening, so that what is open and unmarked is somebody else's. */
async function provision(client: pg.Client, request: DatabaseInputs): Promise<void> {
  const { name: database, ownerRole, connectingRoles, pooler } = request;
  const found = await find(client, database);
  if (found === undefined) await createDatabase(client, database);
  if (found?.owner !== ownerRole) {
    await client.query(`alter database ${name(database)} owner to ${name(ownerRole)}`);
  }
  await client.query(`comment on database ${name(database)} is ${literal(markOf(request.stack))}`);
  await closeToPublic(client, database);
  for (const role of connectingRoles)
    await client.query(`grant connect on database ${name(database)} to ${name(role)}`);
  if (pooler === undefined) return;
  await withClient(request.admin, database, async (inside) => {
    for (const [role, verifier] of Object.entries(pooler.verifiers))
      await storePoolerCredential(inside, database, pooler.role, role, verifier);
  });
}

/** @throws Error where the database is there and another stack, or nobody known, made it */
async function refuseStrangers(client: pg.Client, { admin, name: database, stack }: DatabaseInputs): Promise<void> {
  const found = await find(client, database);
  if (found === undefined || found.comment === markOf(stack) || (!found.open && found.comment === null)) return;
  const got = found.comment === null ? 'one without a mark' : `one with the mark ${JSON.stringify(found.comment)}`;
  throw new Error(
    `${admin.host}:${admin.port} ${database}: expected no database of this name, or one of ${stack}; got ${got}`,
  );
}

function markOf(stack: string): string {
  return `ghost-fleet: database of ${stack}`;
}
