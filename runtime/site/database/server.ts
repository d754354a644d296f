import type pg from 'pg';
import { compatSchemaVersion, readCompatSchemaVersion } from './compat/schema.ts';
import type { Connection } from './execution.ts';

/** Major versions of the servers that were asked already, by address: a pool opens connections all day. */
const knownServers = new Map<string, number>();

/**
 * Knows of a new connection which server it leads to, and asserts at the first that the database was prepared for Ghost.
 * Kept on the connection, since a transaction's client is a copy without the fields of the class.
 */
export async function learnServer(connection: Connection, settings: pg.ClientConfig): Promise<void> {
  const address = `${settings.host}:${settings.port}/${settings.database}`;
  const major = knownServers.get(address) ?? (await askServer(connection));
  knownServers.set(address, major);
  connection.serverVersion = String(major);
}

async function askServer(connection: Connection): Promise<number> {
  const installed = await readCompatSchemaVersion(connection);
  if (installed === undefined || installed < compatSchemaVersion) {
    throw new Error(
      `expected the schema mysql_compat in version ${compatSchemaVersion} or newer; got ${installed ?? 'none'}`,
    );
  }
  const { rows } = await connection.query<{ server_version_num: string }>('show server_version_num');
  return Math.trunc(Number(rows[0]?.server_version_num ?? 0) / 10_000);
}
