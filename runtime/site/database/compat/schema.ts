import { readFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';

/** Version of mysql-compat.sql. Raised with every change to it, and never lowered. */
export const compatSchemaVersion = 6;

/** Key of the advisory lock that lets one installation run at a time. */
const installLock = 7_423_001;

/**
 * Installs or upgrades the schema `mysql_compat` in the database that `client` is connected to, in one transaction.
 * Changes nothing where this version or a newer one is there. To be called as an administrator, who owns the schema from
 * then on.
 */
export async function installCompatSchema(client: pg.ClientBase): Promise<void> {
  const installed = await readCompatSchemaVersion(client);
  if (installed !== undefined && installed >= compatSchemaVersion) return;
  const sql = readFileSync(path.join(import.meta.dirname, 'mysql-compat.sql'), 'utf8');
  await client.query('begin');
  try {
    await client.query('select pg_advisory_xact_lock($1)', [installLock]);
    await client.query(sql);
    await client.query(`comment on schema mysql_compat is 'version ${compatSchemaVersion}'`);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

/** Version of the schema in the database that `client` is connected to, undefined where there is none. */
export async function readCompatSchemaVersion(client: pg.ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ comment: string | null }>(
    "select obj_description(to_regnamespace('mysql_compat'), 'pg_namespace') as comment",
  );
  const version = /^version (\d+)$/.exec(rows[0]?.comment ?? '')?.[1];
  return version === undefined ? undefined : Number(version);
}
