import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type DatabaseContents, initialisingMarker, type MigrationTarget } from './target.ts';

/** The part of better-sqlite3 that is used here; the module is Ghost's own copy, so that there is one in the process. */
interface SqliteDatabase {
  readonly inTransaction: boolean;
  prepare(sql: string): { all(): Record<string, unknown>[]; pluck(): { all(): unknown[]; get(): unknown } };
  exec(sql: string): void;
  pragma(sql: string): void;
  backup(file: string): Promise<unknown>;
  close(): void;
}
type SqliteConstructor = new (file: string, options?: { timeout?: number }) => SqliteDatabase;

/**
 * A SQLite file. Its migration lock is an exclusive transaction on an empty file beside it: SQLite locks files through
 * the operating system, which frees the lock of a dead process.
 */
export class SqliteTarget implements MigrationTarget {
  readonly #filename: string;
  readonly #Database: SqliteConstructor;
  #database: SqliteDatabase | undefined;
  #lock: SqliteDatabase | undefined;

  constructor(filename: string, ghostPath: string) {
    this.#filename = filename;
    this.#Database = requireSqlite(ghostPath);
  }

  async connect(): Promise<void> {
    mkdirSync(path.dirname(this.#filename), { recursive: true });
    this.#database = new this.#Database(this.#filename, { timeout: 5_000 });
  }

  async readContents(): Promise<DatabaseContents> {
    const database = this.#open();
    const tables = new Set(
      database.prepare("select name from sqlite_master where type in ('table', 'view')").pluck().all().map(String),
    );
    const migrations = tables.has('migrations')
      ? database.prepare('select name from migrations').pluck().all().map(String)
      : [];
    const locked = tables.has('migrations_lock')
      ? database.prepare('select max(locked) from migrations_lock').pluck().get()
      : 0;
    const settings = tables.has('settings') ? database.prepare('select count(*) from settings').pluck().get() : 0;
    return {
      tables,
      migrations: new Set(migrations),
      ghostLockTaken: locked === 1,
      served: settings !== 0,
      readerSettled: true,
    };
  }

  isTemporary(error: unknown): boolean {
    return (error as { code?: string }).code?.startsWith('SQLITE_BUSY') ?? false;
  }

  async tryLock(): Promise<boolean> {
    this.#lock ??= new this.#Database(`${this.#filename}.migration-lock`, { timeout: 0 });
    try {
      this.#lock.exec('begin exclusive');
      return true;
    } catch (error) {
      if (this.isTemporary(error)) return false;
      throw error;
    }
  }

  async unlock(): Promise<void> {
    this.#lock?.close();
    this.#lock = undefined;
  }

  async releaseGhostLock(): Promise<void> {
    this.#open().exec("update migrations_lock set locked = 0 where lock_key = 'km01'");
  }

  async settleReader(): Promise<void> {
    // A file has no roles: whoever may open it reads it.
  }

  async createMarker(): Promise<void> {
    this.#open().exec(`create table ${initialisingMarker} (started_at text default current_timestamp)`);
  }

  async dropMarker(): Promise<void> {
    this.#open().exec(`drop table ${initialisingMarker}`);
  }

  async wipe(): Promise<void> {
    const database = this.#open();
    const objects = database.prepare(
      `select type, name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%' and name <> '${initialisingMarker}'`,
    );
    database.pragma('foreign_keys = off');
    const drops = objects.all().map(({ type, name }) => `drop ${type} "${String(name).replaceAll('"', '""')}"`);
    // In one transaction with the marker last: a wipe that is interrupted starts again.
    database.exec(['begin', ...drops, `drop table ${initialisingMarker}`, 'commit'].join(';\n'));
    database.pragma('foreign_keys = on');
  }

  async close(): Promise<void> {
    await this.unlock();
    this.#database?.close();
    this.#database = undefined;
  }

  #open(): SqliteDatabase {
    if (this.#database === undefined) throw new Error('the SQLite file is not open');
    return this.#database;
  }
}

/** Copies a file as it stands at one moment, through SQLite, while others may read and write it. */
export async function copySqlite(from: string, to: string, ghostPath: string): Promise<void> {
  const database = new (requireSqlite(ghostPath))(from);
  try {
    await database.backup(to);
  } finally {
    database.close();
  }
}

function requireSqlite(ghostPath: string): SqliteConstructor {
  return createRequire(path.join(ghostPath, 'package.json'))('better-sqlite3') as SqliteConstructor;
}
