import pg from 'pg';

const { escapeIdentifier: name, escapeLiteral: literal } = pg;

/**
 * Key of the advisory lock, in the database `postgres`, that lets one change of the server's catalogues run at a time:
 * roles and databases are rows that refuse two changes at once.
 */
export const catalogueLock = 7_423_002;

/** Makes a role that owns what it is given and may do nothing else; without a password it cannot log in. */
export async function ensureRole(
  client: pg.Client,
  role: string,
  password: string | undefined,
  connectionLimit: number,
): Promise<void> {
  const { rows } = await client.query<Record<string, boolean>>(
    'select rolsuper as superuser, rolcreatedb as createdb, rolcreaterole as createrole from pg_roles where rolname = $1',
    [role],
  );
  if (rows.length === 0) await client.query(`create role ${name(role)}`);
  // A new role has none of these powers, and only a superuser may name the first of them.
  const excess = Object.entries(rows[0] ?? {}).flatMap(([power, held]) => (held ? [`no${power}`] : []));
  const login = password === undefined ? 'nologin' : `login password ${literal(password)}`;
  await client.query(
    `alter role ${name(role)} ${excess.join(' ')} noinherit connection limit ${Math.trunc(connectionLimit)} ${login}`,
  );
  // To make somebody the owner of something one has to be a member of that role, unless one is a superuser.
  await client.query(`grant ${name(role)} to current_user`);
}

/** Settings of a role in a database: what a session would set for itself if it had one of its own. */
export async function setRoleDefaults(
  client: pg.Client,
  role: string,
  database: string,
  options: { readonly searchPath: readonly string[]; readonly statementTimeoutMs: number },
): Promise<void> {
  const settings: Record<string, string> = {
    search_path: options.searchPath.map(name).join(', '),
    timezone: literal('UTC'),
    statement_timeout: literal(`${options.statementTimeoutMs}ms`),
    idle_in_transaction_session_timeout: literal('60s'),
    lock_timeout: literal('15s'),
    client_min_messages: literal('warning'),
  };
  for (const [setting, value] of Object.entries(settings)) {
    await client.query(`alter role ${name(role)} in database ${name(database)} set ${setting} = ${value}`);
  }
}

export async function databaseExists(client: pg.Client, database: string): Promise<boolean> {
  return (await client.query('select from pg_database where datname = $1', [database])).rowCount !== 0;
}

/**
 * Makes a database that nobody can connect to until {@link closeToPublic} opens it.
 *
 * @param template database to copy; without one the new database is empty
 */
export async function createDatabase(client: pg.Client, database: string, template?: string): Promise<void> {
  // template0 has nobody's objects; UTF-8 and ICU as Ghost's texts want them, whatever the server's own default. A copy
  // through the write-ahead log costs no checkpoint, which the copy of files does.
  const source =
    template === undefined
      ? `template template0 encoding 'UTF8' locale_provider icu icu_locale 'und' locale 'C'`
      : `template ${name(template)} strategy wal_log`;
  await client.query(`create database ${name(database)} ${source} allow_connections false`);
}

/** Takes from PUBLIC what a new database grants it, then lets roles with a grant of their own connect. */
export async function closeToPublic(client: pg.Client, database: string): Promise<void> {
  await client.query(`revoke all on database ${name(database)} from public`);
  await client.query(`alter database ${name(database)} with allow_connections true`);
}
