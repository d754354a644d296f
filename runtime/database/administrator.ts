import pg from 'pg';

/** How to reach a PostgreSQL server as an administrator (superuser, or a role that may create roles and databases). */
export interface Administrator {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** `off`, `require` (encrypted) or `verify` (encrypted, certificate checked). @default 'off' */
  readonly ssl?: 'off' | 'require' | 'verify';
}

/** Runs something on a connection of its own, which is closed in any case. */
export async function withClient<T>(
  admin: Administrator,
  database: string,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const { host, port, user, password, ssl = 'off' } = admin;
  const encryption = ssl === 'off' ? false : { rejectUnauthorized: ssl === 'verify' };
  const settings = { host, port, user, password, database, ssl: encryption, application_name: 'ghost-fleet' };
  const client = new pg.Client(settings);
  // A connection that breaks while nobody waits for it must not end the process; the next query reports it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
