import pg from 'pg';
import { namesOf, searchPathOf } from '../../sites/naming.ts';
import { installCompatSchema } from '../site/database/compat/schema.ts';

const { escapeIdentifier: name, escapeLiteral: literal } = pg;

/** How to reach a PostgreSQL server as an administrator (superuser, or a role that may create roles and databases). */
export interface Administrator {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** `off`, `require` (encrypted) or `verify` (encrypted, certificate checked). @default 'off' */
  readonly ssl?: 'off' | 'require' | 'verify';
}

/** What a site is to be given. */
export interface SiteDatabaseRequest {
  readonly slug: string;
  readonly strategy: 'schema' | 'database';
  /** Password of the site's owner role, or its SCRAM verifier. */
  readonly password: string;
  /** Password of the analytics role; without one the role cannot log in. */
  readonly readerPassword?: string;
  /** Database that holds the schemas of strategy `schema`. @default 'ghost_sites' */
  readonly sharedDatabase?: string;
  /** Connections that the owner role may hold at once. @default 20 */
  readonly connectionLimit?: number;
  /** @default 30000 */
  readonly statementTimeoutMs?: number;
}

/** Where the site's data is. */
export interface SiteDatabase {
  readonly database: string;
  readonly schema: string;
  readonly user: string;
}

/** Database of strategy `schema` where nothing else is said. */
export const defaultSharedDatabase = 'ghost_sites';

/** Key of the advisory lock, in the database `postgres`, that lets one provisioning run at a time. */
const provisioningLock = 7_423_002;

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
 * the password and the limits; what holds data is never replaced or dropped.
 *
 * What one site's role can do: connect to its own database, own its schema, use `mysql_compat`. `CONNECT` and `TEMPORARY`
 * are revoked from PUBLIC, and time zone, search path and timeouts are settings of the role in its database, so that they
 * hold behind a pooler too.
 */
export async function provisionSiteDatabase(admin: Administrator, request: SiteDatabaseRequest): Promise<SiteDatabase> {
  const place = locateSiteDatabase(request);
  const { readerRole } = namesOf(request.slug);
  await withClient(admin, 'postgres', async (client) => {
    // Roles and databases stand in catalogues of the whole server, which refuse two changes of a row at once. The lock
    // goes with this connection.
    await client.query('select pg_advisory_lock($1)', [provisioningLock]);
    await ensureRole(client, place.user, request.password, request.connectionLimit ?? 20);
    await ensureRole(client, readerRole, request.readerPassword, 2);
    await ensureDatabase(client, place.database);
    const database = name(place.database);
    await client.query(`revoke all on database ${database} from public`);
    await client.query(`grant connect on database ${database} to ${name(place.user)}, ${name(readerRole)}`);
    for (const role of [place.user, readerRole]) await setRoleDefaults(client, role, place.database, request);
    await withClient(admin, place.database, (inside) => prepareSchema(inside, place, request));
  });
  return place;
}

async function prepareSchema(client: pg.Client, place: SiteDatabase, request: SiteDatabaseRequest): Promise<void> {
  await installCompatSchema(client);
  const schema = name(place.schema);
  const owner = name(place.user);
  // To make somebody the owner of something one has to be a member of that role, unless one is a superuser.
  await client.query(`grant ${owner} to current_user`);
  if (request.strategy === 'schema') {
    await client.query('revoke all on schema public from public');
    await client.query(`create schema if not exists ${schema} authorization ${owner}`);
  } else {
    await client.query(`alter schema public owner to ${owner}`);
  }
  await client.query(`revoke all on schema ${schema} from public`);
  await client.query(`grant usage on schema ${schema} to ${name(namesOf(request.slug).readerRole)}`);
}

/** Role settings: what a session would set for itself if it had one of its own. */
async function setRoleDefaults(
  client: pg.Client,
  role: string,
  database: string,
  request: SiteDatabaseRequest,
): Promise<void> {
  const settings: Record<string, string> = {
    search_path: searchPathOf(request.slug, request.strategy).map(name).join(', '),
    timezone: literal('UTC'),
    statement_timeout: literal(`${request.statementTimeoutMs ?? 30_000}ms`),
    idle_in_transaction_session_timeout: literal('60s'),
    lock_timeout: literal('15s'),
    client_min_messages: literal('warning'),
  };
  for (const [setting, value] of Object.entries(settings)) {
    await client.query(`alter role ${name(role)} in database ${name(database)} set ${setting} = ${value}`);
  }
}

async function ensureRole(
  client: pg.Client,
  role: string,
  password: string | undefined,
  connectionLimit: number,
): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role]);
  if (rowCount === 0) await client.query(`create role ${name(role)}`);
  const login = password === undefined ? 'nologin' : `login password ${literal(password)}`;
  await client.query(
    `alter role ${name(role)} nosuperuser nocreatedb nocreaterole noinherit connection limit ${Math.trunc(connectionLimit)} ${login}`,
  );
}

async function ensureDatabase(client: pg.Client, database: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
  if (rowCount !== 0) return;
  try {
    // template0 has nobody's objects; UTF-8 and ICU as Ghost's texts want them, whatever the server's own default.
    await client.query(
      `create database ${name(database)} template template0 encoding 'UTF8' locale_provider icu icu_locale 'und' locale 'C'`,
    );
  } catch (error) {
    // Two sites of one shared database at the same moment.
    if (!['42P04', '23505'].includes((error as { code?: string }).code ?? '')) throw error;
  }
}

/** Runs something on a connection of its own, which is closed in any case. */
export async function withClient<T>(
  admin: Administrator,
  database: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const { ssl = 'off', ...server } = admin;
  const encryption = ssl === 'off' ? false : { rejectUnauthorized: ssl === 'verify' };
  const client = new pg.Client({ ...server, ssl: encryption, database, application_name: 'ghost-fleet' });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
