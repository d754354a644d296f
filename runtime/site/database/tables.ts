/** A foreign key as knex's table builder keeps it. */
interface ForeignKey {
  readonly column: string | readonly string[];
  readonly keyName?: string;
}

/** A statement that a table builder collected: a key or an index, with the columns first among its arguments. */
interface TableStatement {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** The part of knex's table compiler that is used here. */
interface TableCompilerLike {
  readonly tableNameRaw: string;
  readonly tableBuilder: { readonly _statements: readonly TableStatement[] };
  readonly formatter: { wrap(name: string): string; columnize(names: string | readonly string[]): string };
  alterTable(): void;
  foreign(key: ForeignKey): void;
  tableName(): string;
  pushQuery(sql: string): void;
  _indexCommand(kind: string, table: string, columns: string | readonly string[]): string;
}

type TableCompilerConstructor = new (...args: never[]) => TableCompilerLike;

/** What a table builder calls the statements whose index serves a foreign key as well, when its columns come first. */
const indexing = ['index', 'unique', 'primary'];

/** A subclass of one knex's PostgreSQL table compiler whose tables get the indexes that InnoDB would give them. */
export function createTableCompiler(Base: TableCompilerConstructor): TableCompilerConstructor {
  return class GhostTableCompiler extends (Base as TableCompilerConstructor) {
    readonly #foreignKeys: ForeignKey[] = [];

    override foreign(key: ForeignKey): void {
      super.foreign(key);
      this.#foreignKeys.push(key);
    }

    /**
     * InnoDB indexes the columns of every foreign key, and Ghost counts on it: its schema names no other index for the
     * members of a label or the posts of an author, and deleting a row looks for those that refer to it.
     *
     * @see https://dev.mysql.com/doc/refman/8.0/en/constraint-foreign-key-indexes.html
     */
    override alterTable(): void {
      super.alterTable();
      for (const { column, keyName } of this.#foreignKeys.splice(0)) {
        if (this.#isIndexed([column].flat())) continue;
        const index =
          keyName === undefined
            ? this._indexCommand('foreign', this.tableNameRaw, column)
            : this.formatter.wrap(keyName);
        this.pushQuery(
          `create index if not exists ${index} on ${this.tableName()} (${this.formatter.columnize(column)})`,
        );
      }
    }

    /** Whether another index of the same builder begins with these columns. */
    #isIndexed(columns: readonly string[]): boolean {
      return this.tableBuilder._statements.some(
        ({ method, args }) =>
          indexing.includes(method) &&
          columns.every((column, at) => [args[0] as string | readonly string[]].flat()[at] === column),
      );
    }
  };
}
