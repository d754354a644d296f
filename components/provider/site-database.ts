import pg from 'pg';
import { z } from 'zod';
import { catalogueLock, databaseExists } from '../../runtime/database/catalogue.ts';
import {
  locateSiteDatabase,
  provisionSiteDatabase,
  type SiteDatabase,
  withClient,
} from '../../runtime/database/provision.ts';
import { dataMoveRemedy } from '../../sites/data-move.ts';
import { namesOf, slugPattern } from '../../sites/naming.ts';
import { administrator } from './administrator.ts';
import { ownerComment, readOwner } from './ownership.ts';
import { storePoolerCredential } from './pooler-credential.ts';
import { defineKind } from './resource-kind.ts';
import { scramVerifier } from './scram.ts';

const { escapeIdentifier: name, escapeLiteral: literal } = pg;

const inputs = z.strictObject({
  slug: z.string().regex(slugPattern),
  strategy: z.enum(['schema', 'database']),
  /** Name of the cluster in the stack's configuration; its address may change, the cluster may not. */
  cluster: z.string().min(1),
  /** Stack that the data belongs to: a second stack on the same server never takes it over. */
  owner: z.string().min(1),
  connectionLimit: z.int().min(1),
  statementTimeoutMs: z.int().min(1),
  password: z.string().min(16),
  readerPassword: z.string().min(16),
  /** Role of a pooler that looks passwords up in the site's database. */
  poolerRole: z.string().min(1).optional(),
  admin: administrator,
});

export type SiteDatabaseInputs = z.output<typeof inputs>;

/**
 * The role, the reader and the database or schema of a site. Creating adopts what was kept; deleting takes the roles'
 * login and drops nothing; moving to another cluster or strategy is refused, since the data would stay behind.
 */
export const siteDatabase = defineKind<SiteDatabaseInputs, SiteDatabase>({
  inputs,
  secrets: ['admin', 'password', 'readerPassword'],
  identity: ['slug', 'strategy', 'cluster', 'owner'],
  onIdentityChange: 'refuse',
  remedy: dataMoveRemedy,

  async create(request) {
    await refuseStrangersData(request);
    const outputs = await provision(request);
    return { id: `${request.cluster}/${outputs.database}/${outputs.schema}`, outputs };
  },

  update: provision,

  async read(state) {
    const place = locateSiteDatabase(state);
    const found = await withClient(state.admin, 'postgres', async (client) => {
      const roles = await client.query<{ rolconnlimit: number; rolcanlogin: boolean }>(
        'select rolconnlimit, rolcanlogin from pg_roles where rolname = $1',
        [place.user],
      );
      return (await databaseExists(client, place.database)) ? roles.rows[0] : undefined;
    });
    if (found === undefined) return undefined;
    // A role that cannot log in is one that somebody took offline: the next update gives it its limit and login back.
    return { ...state, ...place, connectionLimit: found.rolcanlogin ? found.rolconnlimit : 0 };
  },

  async delete(state) {
    const { ownerRole, readerRole } = namesOf(state.slug);
    await withClient(state.admin, 'postgres', async (client) => {
      for (const role of [ownerRole, readerRole]) {
        const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
        if (rowCount === 0) continue;
        await client.query(`alter role ${name(role)} nologin`);
        await client.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [role]);
      }
    });
  },
});

async function provision(request: SiteDatabaseInputs): Promise<SiteDatabase> {
  const { admin, slug, strategy, connectionLimit, statementTimeoutMs, poolerRole } = request;
  // Hashed here: the server sees no password, and the pooler is given the very same verifier.
  const verifier = scramVerifier(request.password);
  const readerVerifier = scramVerifier(request.readerPassword);
  const place = await provisionSiteDatabase(admin, {
    slug,
    strategy,
    connectionLimit,
    statementTimeoutMs,
    password: verifier,
    readerPassword: readerVerifier,
  });
  await withClient(admin, 'postgres', async (lock) => {
    // Until this connection ends: PostgreSQL fails one of two changes of the same row of its catalogues.
    await lock.query('select pg_advisory_lock($1)', [catalogueLock]);
    await withClient(admin, place.database, async (client) => {
      const target = strategy === 'database' ? `database ${name(place.database)}` : `schema ${name(place.schema)}`;
      await client.query(`comment on ${target} is ${literal(ownerComment(request))}`);
      if (poolerRole !== undefined) {
        await storePoolerCredential(client, place.database, poolerRole, place.user, verifier);
        const { readerRole } = namesOf(slug);
        await storePoolerCredential(client, place.database, poolerRole, readerRole, readerVerifier);
      }
    });
  });
  return place;
}

/** @throws Error where another stack owns what would be adopted */
async function refuseStrangersData(request: SiteDatabaseInputs): Promise<void> {
  const owner = await readOwner(request.admin, request);
  if (owner === undefined || owner === request.owner) return;
  const { host, port } = request.admin;
  const { database, schema } = locateSiteDatabase(request);
  throw new Error(
    `${host}:${port} ${database}.${schema}: expected data of ${request.owner} or none; got data of ${owner}`,
  );
}
