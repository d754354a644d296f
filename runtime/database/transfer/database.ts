import type { ColumnKind } from './values.ts';

/** A column as a database describes it. */
export interface Column {
  readonly name: string;
  /** Undefined where the source knows no types. */
  readonly kind: ColumnKind | undefined;
  /** What the database calls the type, for messages. */
  readonly type: string;
  /** Characters that a text may have; undefined without a limit that is enforced. */
  readonly maxLength: number | undefined;
}

/** A table; views are none. */
export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** Columns of the primary key: how messages name a row. */
  readonly key: readonly string[];
}

/** A migration in the ledger of Ghost's migrator. */
export interface AppliedMigration {
  readonly name: string;
  /** Release that brought it, such as `6.65`, or `init`. */
  readonly version: string;
}

/** What tells which Ghost a source belongs to: the ledger of a database, or the release that an export was written by. */
export type Provenance =
  | { readonly migrations: readonly AppliedMigration[]; readonly locked: boolean }
  | { readonly release: string };

/** A table and columns of it that are to be read. */
export interface Selection {
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly kind: ColumnKind }[];
}

/** Where a site is read from: one consistent state, from {@link open} on, whatever is written meanwhile. */
export interface TransferSource {
  /** For people, without a password. */
  readonly label: string;
  open(): Promise<void>;
  readTables(): Promise<Table[]>;
  readProvenance(): Promise<Provenance>;
  countRows(table: string): Promise<number>;
  /** Rows as the driver gives them, a few hundred in memory at a time. */
  readRows(selection: Selection): AsyncIterable<readonly unknown[]>;
  close(): Promise<void>;
}

/** Values that a unique index of the target takes for the same, and the rows that have them. */
export interface Collision {
  readonly table: string;
  readonly index: string;
  /** A line each: the row's primary key and its values. */
  readonly rows: readonly string[];
}

/** A unique index whose collation takes different texts for the same. */
export interface FoldingIndex {
  readonly table: string;
  readonly name: string;
  readonly columns: readonly string[];
}

/** Where a site is written to: everything from {@link open} to {@link commit} is one transaction. */
export interface TransferTarget extends Omit<TransferSource, 'readProvenance'> {
  /** Whether text may hold the character NUL. */
  readonly holdsNul: boolean;
  /** Who else works with this site's data right now, a line each. */
  findUsers(): Promise<string[]>;
  readFoldingIndexes(): Promise<FoldingIndex[]>;
  /**
   * Asks the index's own collation which rows could not stand in one table. Leaves nothing behind.
   *
   * @param rows the row's key, as messages name it, and its values in the index's columns
   */
  findCollisions(
    index: FoldingIndex,
    rows: AsyncIterable<{ readonly key: string; readonly values: readonly (string | null)[] }>,
  ): Promise<Collision[]>;
  /** Empties tables and keeps everybody else out of them until the end of the transaction. */
  empty(tables: readonly string[]): Promise<void>;
  insert(selection: Selection, rows: readonly (readonly (string | null)[])[]): Promise<void>;
  /** @throws TransferRefusedError naming a row that refers to one that is not there */
  checkReferences(): Promise<void>;
  commit(): Promise<void>;
}
