import { assembleNumbers, type DayWindow, type FigureRow, type SiteNumbers } from './numbers.ts';
import { siteNumbersSql, sqlite } from './queries.ts';

/** The part of better-sqlite3 that is used here: Ghost's own copy in a site, the platform's in the platform. */
export interface SqliteReader {
  prepare(sql: string): { all(...parameters: unknown[]): unknown[] };
  pragma(sql: string): unknown;
  close(): void;
}

export type SqliteConstructor = new (
  file: string,
  options: { readonly: boolean; fileMustExist: boolean; timeout: number },
) => SqliteReader;

/** Opens a site's file so that nothing can be written, neither by a statement nor by its end. */
export function openReadOnly(Database: SqliteConstructor, filename: string, timeoutMs: number): SqliteReader {
  const database = new Database(filename, { readonly: true, fileMustExist: true, timeout: timeoutMs });
  database.pragma('query_only = on');
  return database;
}

/** A site's numbers from its SQLite file, which Ghost may go on writing meanwhile. */
export function readSqliteNumbers(Database: SqliteConstructor, filename: string, window: DayWindow): SiteNumbers {
  const database = openReadOnly(Database, filename, 5_000);
  try {
    return assembleNumbers(database.prepare(siteNumbersSql(sqlite)).all({ from: window.from }) as FigureRow[], window);
  } finally {
    database.close();
  }
}
