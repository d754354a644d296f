/**
 * Table that exists from before the first statement of a first start until after its last. A database that has it was
 * never served, so whatever stands in it may be thrown away.
 */
export const initialisingMarker = 'ghost_fleet_initialising';

/** What can be read off a site's database without Ghost. */
export interface DatabaseContents {
  /** Names of tables and views of the site. */
  readonly tables: ReadonlySet<string>;
  /** File names of the migrations that Ghost's ledger lists, those of `init` included. */
  readonly migrations: ReadonlySet<string>;
  /** Whether Ghost's own lock row is taken: by a running migration or by one that was killed. */
  readonly ghostLockTaken: boolean;
  /** Whether a Ghost has started on it before: it stores its settings then. */
  readonly served: boolean;
  /** Whether the site's analytics role has exactly the rights that it is to have, or is not there. */
  readonly readerSettled: boolean;
}

/**
 * A site's database as the migration sees it: on its own connection, past any pooler, with the few operations that Ghost
 * does not offer. One implementation for each kind of database.
 */
export interface MigrationTarget {
  /** Opens the connection. @throws the driver's error while the database is away */
  connect(): Promise<void>;
  readContents(): Promise<DatabaseContents>;
  /** Whether an error of {@link connect} may go away by waiting. */
  isTemporary(error: unknown): boolean;
  /** Takes the site's migration lock if it is free; the operating system or the server frees it when this process dies. */
  tryLock(): Promise<boolean>;
  unlock(): Promise<void>;
  /** Frees Ghost's own lock row. Only for whoever holds the migration lock: nobody else can be migrating. */
  releaseGhostLock(): Promise<void>;
  /** Gives the site's analytics role its rights, and takes all others. Only for whoever holds the migration lock. */
  settleReader(): Promise<void>;
  createMarker(): Promise<void>;
  dropMarker(): Promise<void>;
  /** Drops every table and view of the site, the marker last. Only for a database that has the marker. */
  wipe(): Promise<void>;
  /** Ends the connection, and with it the migration lock. */
  close(): Promise<void>;
}
