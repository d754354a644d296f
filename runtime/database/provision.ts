import pg from 'pg';
import { namesOf, searchPathOf } from '../../sites/naming.ts';
import { installCompatSchema } from '../site/database/compat/schema.ts';
import { type Administrator, withClient } from './administrator.ts';
import {
  catalogueLock,
  closeToPublic,
  createDatabase,
  databaseExists,
  ensureRole,
  setRoleDefaults,
} from './catalogue.ts';
import { isUnclaimedClone, plantFixtures } from './fixtures.ts';
import { ensureTemplate, templateRole } from './template.ts';

export { type Administrator, withClient };

const { escapeIdentifier: name } = pg;

/** What a site is to be given. */
export interface SiteDatabaseRequest {
  readonly slug: string;
  readonly strategy: 'schema' | 'database';
  /** Password of the site's owner role, or its SCRAM verifier. */
  readonly password: string;
  /**
   * Password of the analytics role, or its SCRAM verifier: what `deriveSecret` makes of the platform's key, so that the
   * platform needs no list of them. Without one the role cannot log in.
   */
  readonly readerPassword?: string;
  /** Database that holds the schemas of strategy `schema`. @default 'ghost_sites' */
  readonly sharedDatabase?: string;
  /** Connections that the owner role may hold at once. @default 20 */
  readonly connectionLimit?: number;
  /** @default 30000 */
  readonly statementTimeoutMs?: number;
  /**
   * Folder of the site's Ghost. With it a database of strategy `database` that is not there yet is cloned from the
   * template of that release, which is made first where the server has none; without it the database starts empty.
   */
  readonly ghostPath?: string;
}

/** Where the site's data is. */
export interface SiteDatabase {
  readonly database: string;
  readonly schema: string;
  readonly user: string;
}

/** Database of strategy `schema` where nothing else is said. */
export const defaultSharedDatabase = 'ghost_sites';

/** Where a site's data is, or would be. */
export function locateSiteDatabase(
  request: Pick<SiteDatabaseRequest, 'slug' | 'strategy' | 'sharedDatabase'>,
): SiteDatabase {
  const names = namesOf(request.slug);
  const own = request.strategy === 'database';
  return {
    database: own ? names.database : (request.sharedDatabase ?? defaultSharedDatabase),
    schema: own ? 'public' : names.schema,
    user: names.ownerRole,
  };
}

/**
 * Gives a site a role of its own and a database or schema that only this role can reach. Repeating it changes nothing but
 * the password and the limits; what holds data is never replaced or dropped. Killed at any moment, it is made good by the
 * next call: a clone carries the marker of a first start until it is the site's, and its role cannot connect before.
 *
 * What one site's role can do: connect to its own database, own its schema, use `mysql_compat`. `CONNECT` and `TEMPORARY`
 * are revoked from PUBLIC, and time zone, search path and timeouts are settings of the role in its database, so that they
 * hold behind a pooler too.
 */
export async function provisionSiteDatabase(admin: Administrator, request: SiteDatabaseRequest): Promise<SiteDatabase> {
  const place = locateSiteDatabase(request);
  const { readerRole } = namesOf(request.slug);
  const defaults = {
    searchPath: searchPathOf(request.slug, request.strategy),
    statementTimeoutMs: request.statementTimeoutMs ?? 30_000,
  };
  await withClient(admin, 'postgres', async (client) => {
    // Before the lock: a template takes Ghost some seconds, and other sites need not wait for it.
    const template = await templateFor(admin, client, request, place.database);
    await client.query('select pg_advisory_lock($1)', [catalogueLock]);
    await ensureRole(client, place.user, request.password, request.connectionLimit ?? 20);
    await ensureRole(client, readerRole, request.readerPassword, 2);
    if (!(await databaseExists(client, place.database))) await createDatabase(client, place.database, template);
    await closeToPublic(client, place.database);
    for (const role of [place.user, readerRole]) await setRoleDefaults(client, role, place.database, defaults);
    await withClient(admin, place.database, (inside) => prepareSchema(inside, place, request));
    await client.query(`grant connect on database ${name(place.database)} to ${name(place.user)}, ${name(readerRole)}`);
  });
  return place;
}

/** The template that a database which is not there yet is to be cloned from. */
async function templateFor(
  admin: Administrator,
  client: pg.Client,
  { strategy, ghostPath }: SiteDatabaseRequest,
  database: string,
): Promise<string | undefined> {
  if (strategy !== 'database' || ghostPath === undefined || (await databaseExists(client, database))) return undefined;
  return ensureTemplate(admin, ghostPath);
}

async function prepareSchema(client: pg.Client, place: SiteDatabase, request: SiteDatabaseRequest): Promise<void> {
  await installCompatSchema(client);
  const schema = name(place.schema);
  const owner = name(place.user);
  if (request.strategy === 'schema') {
    await client.query('revoke all on schema public from public');
    await client.query(`create schema if not exists ${schema} authorization ${owner}`);
  } else {
    // The clone's schema first: foreign keys are checked by the owner of the tables, who must reach them.
    if (await isUnclaimedClone(client, templateRole)) await plantFixtures(client, templateRole, place.user);
    await client.query(`alter schema public owner to ${owner}`);
  }
  await client.query(`revoke all on schema ${schema} from public`);
  await client.query(`grant usage on schema ${schema} to ${name(namesOf(request.slug).readerRole)}`);
}
