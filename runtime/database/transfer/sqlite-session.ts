import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type SqliteDatabase from 'better-sqlite3';
import type {
  Collision,
  FoldingIndex,
  Provenance,
  Selection,
  Table,
  TransferSource,
  TransferTarget,
} from './database.ts';
import { SourceUnavailableError, TransferRefusedError } from './refusal.ts';
import type { CanonicalValue, ColumnKind } from './values.ts';

export interface SqliteSessionOptions {
  readonly filename: string;
  /** Folder of the Ghost package whose better-sqlite3 is used: two copies of SQLite in one process break its locks. */
  readonly ghostPath: string;
}

/** Rows that may be looked at between two turns of the event loop. */
const rowsPerTurn = 500;

class SqliteSession {
  readonly label: string;
  readonly filename: string;
  readonly #Database: typeof SqliteDatabase;
  #database: SqliteDatabase.Database | undefined;

  constructor(options: SqliteSessionOptions) {
    this.filename = path.resolve(options.filename);
    this.label = `sqlite:${options.filename}`;
    const require = createRequire(path.join(options.ghostPath, 'package.json'));
    this.#Database = require('better-sqlite3') as typeof SqliteDatabase;
  }

  protected start(readonly: boolean, begin: string): void {
    try {
      this.#database = new this.#Database(this.filename, { readonly, fileMustExist: true, timeout: 5_000 });
      // Keys are looked at once, at the end: rows come in any order.
      this.#database.pragma('foreign_keys = off');
      this.#database.exec(begin);
      // A read transaction begins with the first read.
      this.#database.prepare('select count(*) from sqlite_master').get();
    } catch (error) {
      this.#database?.close();
      throw new SourceUnavailableError(this.label, (error as Error).message);
    }
  }

  get database(): SqliteDatabase.Database {
    if (this.#database === undefined) throw new Error(`${this.label} is not open`);
    return this.#database;
  }

  async readTables(): Promise<Table[]> {
    const names = this.database
      .prepare(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\' order by 1",
      )
      .pluck()
      .all() as string[];
    return names.map((name) => {
      const columns = this.database.pragma(`table_info(${quote(name)})`) as {
        name: string;
        type: string;
        pk: number;
      }[];
      return {
        name,
        key: columns.filter(({ pk }) => pk > 0).map((column) => column.name),
        columns: columns.map((column) => ({
          name: column.name,
          type: column.type,
          kind: kindOf(column.type),
          maxLength: undefined,
        })),
      };
    });
  }

  async countRows(table: string): Promise<number> {
    return this.database
      .prepare(`select count(*) from ${quote(table)}`)
      .pluck()
      .get() as number;
  }

  async *readRows({ table, columns }: Selection): AsyncIterable<readonly unknown[]> {
    const list = columns.map(({ name }) => quote(name)).join(', ');
    const rows = this.database
      .prepare(`select ${list} from ${quote(table)}`)
      .raw()
      .safeIntegers()
      .iterate();
    let since = 0;
    for (const row of rows as IterableIterator<unknown[]>) {
      since += 1;
      if (since % rowsPerTurn === 0) await new Promise(setImmediate);
      yield row;
    }
  }

  /** Without a commit before it, what was written is undone. */
  async close(): Promise<void> {
    this.#database?.close();
    this.#database = undefined;
  }
}

/** A site's SQLite file, read in one read transaction and never written to. */
export class SqliteSource extends SqliteSession implements TransferSource {
  async open(): Promise<void> {
    this.start(true, 'begin');
  }

  async readProvenance(): Promise<Provenance> {
    const migrations = this.database.prepare('select name, version from migrations').all() as {
      name: string;
      version: string;
    }[];
    return { migrations, locked: this.database.prepare('select max(locked) from migrations_lock').pluck().get() === 1 };
  }
}

/** A site's SQLite file, written to in one exclusive transaction. */
export class SqliteTransferTarget extends SqliteSession implements TransferTarget {
  readonly holdsNul = true;

  async open(): Promise<void> {
    this.start(false, 'begin exclusive');
  }

  /** SQLite cannot tell who has a file open and is idle; Linux can. */
  async findUsers(): Promise<string[]> {
    const file = realpathSync(this.filename);
    return processIds()
      .filter((pid) => pid !== process.pid && openFiles(pid).includes(file))
      .map((pid) => `process ${pid} has ${this.filename} open`);
  }

  /** SQLite compares byte by byte: what a source keeps apart, it keeps apart. */
  async readFoldingIndexes(): Promise<FoldingIndex[]> {
    return [];
  }

  async findCollisions(): Promise<Collision[]> {
    return [];
  }

  async empty(tables: readonly string[]): Promise<void> {
    for (const table of tables) this.database.exec(`delete from ${quote(table)}`);
  }

  async insert({ table, columns }: Selection, rows: readonly (readonly CanonicalValue[])[]): Promise<void> {
    const names = columns.map(({ name }) => quote(name)).join(', ');
    const insert = this.database.prepare(
      `insert into ${quote(table)} (${names}) values (${columns.map(() => '?').join(', ')})`,
    );
    try {
      for (const row of rows) insert.run(row.map((value, at) => toSqlite(columns[at]?.kind, value)));
    } catch (error) {
      throw new TransferRefusedError([`${table}: ${(error as Error).message}`]);
    }
  }

  async checkReferences(): Promise<void> {
    const broken = this.database.pragma('foreign_key_check') as { table: string; rowid: number; parent: string }[];
    if (broken.length === 0) return;
    const lines = broken.slice(0, 20).map(({ table, rowid, parent }) => {
      const [key] = Object.entries(
        (this.database.prepare(`select * from ${quote(table)} where rowid = ?`).get(rowid) ?? {}) as object,
      );
      return `${table} ${key?.join(' ')}: expected a row of ${parent} to which it refers; got none`;
    });
    throw new TransferRefusedError(lines);
  }

  async commit(): Promise<void> {
    this.database.exec('commit');
  }
}

function toSqlite(kind: ColumnKind | undefined, value: CanonicalValue): unknown {
  if (value === null) return null;
  if (kind === 'integer') return BigInt(value);
  if (kind === 'decimal') return Number(value);
  return kind === 'binary' ? Buffer.from(value, 'hex') : value;
}

function kindOf(type: string): ColumnKind | undefined {
  if (/char|text|clob/i.test(type)) return 'text';
  if (/date|time/i.test(type)) return 'time';
  if (/int|bool/i.test(type)) return 'integer';
  if (/float|real|double|decimal|numeric/i.test(type)) return 'decimal';
  return /blob|binary/i.test(type) ? 'binary' : undefined;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function processIds(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    // No /proc on this system: the file's own locks are all there is.
    return [];
  }
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    // The process has ended, or is another user's.
    return [];
  }
}
