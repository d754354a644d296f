import pg from 'pg';

const { escapeIdentifier: name } = pg;

/**
 * Leaves a role's verifier where a pooler finds it, in the database that the role connects to: PgBouncer's `auth_query`
 * runs there (`auth_dbname` came with 1.19), and nobody but a superuser reads `pg_authid`, which RDS gives to none. Only
 * the pooler's role can read the table.
 */
export async function storePoolerCredential(
  client: pg.Client,
  database: string,
  poolerRole: string,
  role: string,
  verifier: string,
): Promise<void> {
  await client.query('create schema if not exists pooler');
  await client.query('create table if not exists pooler.credentials (role name primary key, verifier text not null)');
  await client.query('revoke all on schema pooler from public');
  await client.query('revoke all on pooler.credentials from public');
  await client.query(`grant connect on database ${name(database)} to ${name(poolerRole)}`);
  await client.query(`grant usage on schema pooler to ${name(poolerRole)}`);
  await client.query(`grant select on pooler.credentials to ${name(poolerRole)}`);
  await client.query(
    `insert into pooler.credentials values ($1, $2) on conflict (role) do update set verifier = excluded.verifier`,
    [role, verifier],
  );
}
