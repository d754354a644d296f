import pg from 'pg';
import { type Administrator, withClient } from '../../database/administrator.ts';
import { catalogueLock, closeToPublic, createDatabase, databaseExists, ensureRole } from '../../database/catalogue.ts';
import { appRole } from './tenancy.ts';

const { escapeIdentifier: name } = pg;

/** Names that stand in CONTRACT: the platform's database, and the role that owns and migrates it. */
export const platformDatabase = 'platform';
export const ownerRole = 'platform_owner';

/**
 * Makes the platform's database with its two roles where no Pulumi does it: for the local fleet and for tests. Repeating it
 * changes nothing but the passwords.
 */
export async function provisionPlatformDatabase(
  admin: Administrator,
  passwords: { readonly owner: string; readonly app: string },
): Promise<void> {
  await withClient(admin, 'postgres', async (client) => {
    await client.query('select pg_advisory_lock($1)', [catalogueLock]);
    await ensureRole(client, ownerRole, passwords.owner, 5);
    await ensureRole(client, appRole, passwords.app, 60);
    if (!(await databaseExists(client, platformDatabase))) await createDatabase(client, platformDatabase);
    await client.query(`alter database ${name(platformDatabase)} owner to ${name(ownerRole)}`);
    await closeToPublic(client, platformDatabase);
    await client.query(`grant connect on database ${name(platformDatabase)} to ${name(appRole)}`);
    await withClient(admin, platformDatabase, (inside) =>
      inside.query(`alter schema public owner to ${name(ownerRole)}`),
    );
  });
}
