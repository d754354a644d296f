import { type Administrator, locateSiteDatabase, withClient } from '../../runtime/database/provision.ts';

/** Where a site's data may be on a server, and which stack may say so. */
export interface Claim {
  readonly slug: string;
  readonly strategy: 'schema' | 'database';
  /** Stack family, such as `ghost-fleet/production`. */
  readonly owner: string;
}

/** Mark of a site's database or schema: a comment on it, which everybody can read who may list databases. */
export function ownerComment({ slug, owner }: Claim): string {
  return `ghost-fleet: site ${slug} of ${owner}`;
}

/** The stack that the data of a site is marked with; undefined where there is no data, or nobody's mark on it. */
export async function readOwner(
  admin: Administrator,
  { slug, strategy }: Pick<Claim, 'slug' | 'strategy'>,
): Promise<string | undefined> {
  const place = locateSiteDatabase({ slug, strategy });
  const comment = await withClient(admin, 'postgres', async (client) => {
    if (strategy === 'database') {
      const query = `select shobj_description(oid, 'pg_database') as comment from pg_database where datname = $1`;
      return (await client.query<Commented>(query, [place.database])).rows[0]?.comment;
    }
    // A database that is just being made, or whose making was interrupted, lets nobody in and holds nothing yet.
    const open = 'select from pg_database where datname = $1 and datallowconn';
    if ((await client.query(open, [place.database])).rowCount === 0) return undefined;
    const query = `select obj_description(oid, 'pg_namespace') as comment from pg_namespace where nspname = $1`;
    return withClient(
      admin,
      place.database,
      async (inside) => (await inside.query<Commented>(query, [place.schema])).rows[0]?.comment,
    );
  });
  return /^ghost-fleet: site \S+ of (\S+)$/.exec(comment ?? '')?.[1];
}

interface Commented {
  readonly comment: string | null;
}
