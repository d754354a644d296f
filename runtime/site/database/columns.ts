/** The part of knex's column compiler that is used here. */
interface ColumnCompilerLike {
  readonly args: readonly unknown[];
  readonly modified: Readonly<Record<string, unknown>>;
  readonly columnBuilder: { readonly _type?: string };
  getColumnName(): string;
  getColumnType(): string;
}

type ColumnCompilerConstructor = new (...args: never[]) => ColumnCompilerLike;

/**
 * Columns that machines fill: ids and what refers to them, tokens, hashes. They are compared byte by byte, which is what
 * their readers mean and what an index does fastest.
 */
const machineColumn =
  /^(id|uuid|.*_id|.*_by|.*_uuid|.*token.*|.*hash|secret|.*_key_id|transient_id|etag|session_data|(from|to)_plan)$/;

/** Whether a text column holds what people type: compared without regard to case and accents, as utf8mb4_0900_ai_ci does. */
export function isTyped(column: string): boolean {
  return !machineColumn.test(column);
}

/** A subclass of one knex's PostgreSQL column compiler whose types hold what Ghost's MySQL columns hold. */
export function createColumnCompiler(Base: ColumnCompilerConstructor): ColumnCompilerConstructor {
  return class GhostColumnCompiler extends (Base as ColumnCompilerConstructor) {
    /** MySQL's boolean is tinyint(1): Ghost compares it with 1, sums it and reads numbers. */
    bool(): string {
      return 'smallint';
    }
    boolean(): string {
      return 'smallint';
    }
    tinyint(): string {
      return 'smallint';
    }
    /** Seconds in UTC, without a zone: what MySQL's DATETIME is. */
    datetime(): string {
      return 'timestamp(0)';
    }
    timestamp(): string {
      return 'timestamp(0)';
    }
    override getColumnType(): string {
      const type = super.getColumnType();
      // PostgreSQL has no unsigned numbers; the next larger type holds their upper half.
      if (type === 'integer' && this.modified.unsigned !== undefined) return 'bigint';
      if (!/^(varchar|text|char)/.test(type)) return type;
      return `${type} collate ${isTyped(this.getColumnName().replaceAll(/[`"]/g, '')) ? 'mysql_compat.ai_ci' : '`C`'}`;
    }
  };
}
