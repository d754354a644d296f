import { createRequire } from 'node:module';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { type Administrator, locateSiteDatabase, withClient } from '../../runtime/database/provision.ts';
import { type DatabaseStrategy, namesOf } from '../../sites/naming.ts';

/** Where a site's data is looked at from outside: in its file, or as an administrator. */
export interface SitePlace {
  readonly slug: string;
  readonly strategy: DatabaseStrategy;
  /** Folder that holds the content folders of the sites, each under its slug. */
  readonly dir: string;
  readonly server: Administrator;
}

/** What two databases of one Ghost have in common, whoever initialised them. */
export interface SiteShape {
  /** Columns of tables and views, with type, collation, nullability and default. */
  readonly columns: readonly string[];
  readonly indexes: readonly string[];
  readonly constraints: readonly string[];
  /** For each table that a first start fills what its rows are called, in order; their number where they have no name. */
  readonly rows: Readonly<Record<string, readonly string[] | number>>;
}

type Row = Readonly<Record<string, unknown>>;

/** Tables that a Ghost which runs fills by and by; whether it has done so yet says nothing about a first start. */
const filledWhileServing = ['milestones', 'jobs', 'actions'];

/** Runs a statement in the site's own schema or file. */
export async function querySite({ slug, strategy, dir, server }: SitePlace, sql: string): Promise<Row[]> {
  if (strategy === 'sqlite') {
    const Database = createRequire(path.resolve('.tools/ghost/package.json'))('better-sqlite3');
    const database = new Database(path.join(dir, slug, namesOf(slug).sqliteFile));
    try {
      const statement = database.prepare(sql);
      return statement.reader ? statement.all() : [statement.run()];
    } finally {
      database.close();
    }
  }
  const place = locateSiteDatabase({ slug, strategy });
  return withClient(server, place.database, async (client) => {
    await client.query(`set search_path = ${pg.escapeIdentifier(place.schema)}`);
    return (await client.query<Row>(sql)).rows;
  });
}

/** Reads the shape of a site's database. Names of schemas are left out, so that sites can be compared. */
export async function readSiteShape(place: SitePlace): Promise<SiteShape> {
  const statements = place.strategy === 'sqlite' ? sqliteCatalogue : postgresCatalogue;
  const list = async (sql: string) => {
    const own = `${locateSiteDatabase({ slug: place.slug, strategy: 'schema' }).schema}.`;
    return (await querySite(place, sql)).map(({ text }) => String(text).replaceAll(own, '').replaceAll('public.', ''));
  };
  const rows: Record<string, readonly string[] | number> = {};
  const tables = await list(statements.tables);
  for (const table of tables.filter((each) => !filledWhileServing.includes(each))) {
    const found = await querySite(place, `select * from "${table}"`);
    const names = found.map((row) => row.key ?? row.slug ?? row.name).filter((name) => typeof name === 'string');
    if (found.length > 0) rows[table] = names.length === found.length ? names.sort() : found.length;
  }
  return {
    columns: await list(statements.columns),
    indexes: await list(statements.indexes),
    constraints: await list(statements.constraints),
    rows,
  };
}

/** A shape in numbers. */
export function describeShape({ columns, indexes, constraints, rows }: SiteShape): string {
  return `${columns.length} columns, ${indexes.length} indexes, ${constraints.length} constraints, rows in ${Object.keys(rows).length} tables`;
}

/** What one database has and the other has not, a line each. */
export function differencesOf(found: SiteShape, expected: SiteShape): string[] {
  const lists = (['columns', 'indexes', 'constraints'] as const).flatMap((part) => [
    ...expected[part].filter((line) => !found[part].includes(line)).map((line) => `missing ${line}`),
    ...found[part].filter((line) => !expected[part].includes(line)).map((line) => `too much ${line}`),
  ]);
  const tables = new Set([...Object.keys(found.rows), ...Object.keys(expected.rows)]);
  const rows = [...tables].filter((table) => !isDeepStrictEqual(found.rows[table], expected.rows[table]));
  return [
    ...lists,
    ...rows.map((table) => `rows of ${table}: expected ${expected.rows[table]}; got ${found.rows[table]}`),
  ];
}

interface CatalogueStatements {
  readonly tables: string;
  readonly columns: string;
  readonly indexes: string;
  readonly constraints: string;
}

const postgresCatalogue: CatalogueStatements = {
  tables: 'select tablename::text as text from pg_tables where schemaname = current_schema() order by 1',
  columns: `select format('%s.%s %s %s %s %s', relname, attname, format_type(atttypid, atttypmod), collname,
        attnotnull, pg_get_expr(adbin, adrelid)) as text
      from pg_attribute join pg_class on pg_class.oid = attrelid
      left join pg_collation on pg_collation.oid = attcollation
      left join pg_attrdef on adrelid = attrelid and adnum = attnum
     where relnamespace = current_schema()::regnamespace and relkind in ('r', 'v') and attnum > 0 and not attisdropped
     order by relname, attnum`,
  indexes: 'select indexdef as text from pg_indexes where schemaname = current_schema() order by indexname',
  constraints: `select format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as text
      from pg_constraint where connamespace = current_schema()::regnamespace order by 1`,
};

const sqliteCatalogue: CatalogueStatements = {
  tables: "select name as text from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name",
  columns: "select name || ' ' || sql as text from sqlite_master where type in ('table', 'view') order by name",
  indexes: "select name || ' ' || coalesce(sql, '') as text from sqlite_master where type = 'index' order by name",
  // SQLite keeps them in the text of the tables.
  constraints: "select '' as text where false",
};
