import type { Knex } from 'knex';
import createKnex from 'knex';
import type { MariadbServer } from '../services/mariadb.ts';

/** The collation nearest to MySQL 8's `utf8mb4_0900_ai_ci` that MariaDB has; Ghost leaves its tables in another. */
const mysqlCollation = 'utf8mb4_uca1400_nopad_ai_ci';

/** A connection to a site's SQLite file past Ghost. */
export function connectSqlite(filename: string): Knex {
  return createKnex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true });
}

/** A connection to MariaDB past Ghost; without a database where none is named. */
export function connectMariadb(server: MariadbServer, database?: string): Knex {
  const { host, port, user, password } = server;
  return createKnex({
    client: 'mysql2',
    connection: {
      host,
      port,
      user,
      password,
      ...(database === undefined ? {} : { database }),
    },
  });
}

/** A connection to a site's database on PostgreSQL past Ghost, with the names that the site's role would see. */
export function connectPostgres(
  server: { host: string; port: number; user: string; password: string },
  place: { database: string; searchPath: string },
): Knex {
  const { host, port, user, password } = server;
  return createKnex({
    client: 'pg',
    connection: { host, port, user, password, database: place.database },
    searchPath: place.searchPath.split(',').map((name) => name.trim()),
  });
}

/**
 * Gives Ghost's tables on MariaDB the collation that MySQL 8 would have given them. Foreign keys go before and come back
 * after: a column that takes part in one cannot be converted.
 */
export async function convertToMysqlCollation(knex: Knex, database: string): Promise<void> {
  const list = async (sql: string): Promise<Record<string, string>[]> =>
    ((await knex.raw(sql, [database])) as [never])[0];
  const tables = await list(
    "select table_name as name from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE'",
  );
  const keys = await list(
    `select k.constraint_name as name, k.table_name as tbl, k.column_name as col, k.referenced_table_name as parent,
      k.referenced_column_name as parentcol, r.delete_rule as ondelete from information_schema.key_column_usage k
      join information_schema.referential_constraints r on r.constraint_schema = k.table_schema
      and r.constraint_name = k.constraint_name and r.table_name = k.table_name
      where k.table_schema = ? and k.referenced_table_name is not null`,
  );
  for (const { name, tbl } of keys) await knex.raw('alter table ?? drop foreign key ??', [tbl ?? '', name ?? '']);
  await knex.raw(`alter database ?? collate ${mysqlCollation}`, [database]);
  for (const { name } of tables)
    await knex.raw(`alter table ?? convert to character set utf8mb4 collate ${mysqlCollation}`, [name ?? '']);
  for (const { name, tbl, col, parent, parentcol, ondelete } of keys) {
    const names = [tbl, name, col, parent, parentcol].map(String);
    await knex.raw(`alter table ?? add constraint ?? foreign key (??) references ?? (??) on delete ${ondelete}`, names);
  }
}
