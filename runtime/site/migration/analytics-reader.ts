import pg from 'pg';
import { analyticsTables } from './analytics-tables.ts';

const { escapeIdentifier: name } = pg;

/** A right on a table, or on one of its columns. */
interface Grant {
  readonly table: string;
  readonly column: string | null;
  readonly privilege: string;
}

/**
 * Compares the rights of a site's analytics role in the site's schema with {@link analyticsTables}. Reads only.
 *
 * @returns the statements after which it may read what it is to read and nothing else; none where that is so, or where
 *   there is no such role
 */
export async function compareReader(client: pg.Client, schema: string, role: string): Promise<string[]> {
  const { rows: roles } = await client.query<{ oid: number }>(
    'select oid from pg_catalog.pg_roles where rolname = $1',
    [role],
  );
  const oid = roles[0]?.oid;
  if (oid === undefined) return [];
  const wanted = await readWanted(client, schema);
  const held = await readHeld(client, schema, oid);
  const isHeld = new Set(held.map(keyOf));
  const isWanted = new Set(wanted.map(keyOf));
  const excess = new Set(held.filter((grant) => !isWanted.has(keyOf(grant))).map(({ table }) => table));
  // Taking a right on a table takes those on its columns too: what stays wanted there is granted anew.
  const missing = wanted.filter((grant) => excess.has(grant.table) || !isHeld.has(keyOf(grant)));
  const of = (table: string) => `${name(schema)}.${name(table)}`;
  return [
    ...[...excess].map((table) => `revoke all on ${of(table)} from ${name(role)}`),
    ...[...Map.groupBy(missing, ({ table }) => table)].map(([table, grants]) => {
      const columns = grants.flatMap(({ column }) => (column === null ? [] : [name(column)]));
      return `grant select ${columns.length > 0 ? `(${columns.join(', ')}) ` : ''}on ${of(table)} to ${name(role)}`;
    }),
  ];
}

function keyOf({ table, column, privilege }: Grant): string {
  return `${privilege} ${table} ${column ?? ''}`;
}

/** The list, as far as this release of Ghost has its tables and columns. */
async function readWanted(client: pg.Client, schema: string): Promise<Grant[]> {
  const { rows } = await client.query<{ table: string; column: string }>(
    `select relname::text as "table", attname::text as "column"
       from pg_catalog.pg_class join pg_catalog.pg_attribute on attrelid = pg_class.oid
      where relnamespace = $1::regnamespace and relkind in ('r', 'p') and relname = any ($2)
        and attnum > 0 and not attisdropped`,
    [name(schema), Object.keys(analyticsTables)],
  );
  const privilege = 'SELECT';
  const whole = [...new Set(rows.map(({ table }) => table))].filter(
    (table) => analyticsTables[table]?.columns === undefined,
  );
  return [
    ...whole.map((table) => ({ table, column: null, privilege })),
    ...rows
      .filter(({ table, column }) => analyticsTables[table]?.columns?.includes(column))
      .map((row) => ({ ...row, privilege })),
  ];
}

/** Every right of the role on tables and views of the schema, and on their columns. */
async function readHeld(client: pg.Client, schema: string, role: number): Promise<Grant[]> {
  const { rows } = await client.query<Grant>(
    `select relname::text as "table", null as "column", privilege_type as privilege
       from pg_catalog.pg_class cross join lateral aclexplode(relacl)
      where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') and grantee = $2
      union all
     select relname::text, attname::text, privilege_type
       from pg_catalog.pg_class join pg_catalog.pg_attribute on attrelid = pg_class.oid and not attisdropped
            cross join lateral aclexplode(attacl)
      where relnamespace = $1::regnamespace and grantee = $2`,
    [name(schema), role],
  );
  return rows;
}
