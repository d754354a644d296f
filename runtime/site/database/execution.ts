import pg from 'pg';
import { queryBehind } from './guarded-query.ts';
import type { StatementNames } from './prepared-statements.ts';
import { type Query, retryingCasts, retryingDeadlocks } from './retries.ts';
import { joinSegments, type StatementKind, type Translation } from './translation.ts';

/** A connection with what the dialect remembers about it. */
export interface Connection extends pg.Client {
  __knex__disposed?: unknown;
  /** Depth of knex's transactions: above 0 a failed statement would spoil those that follow. */
  transactions?: number;
  /** Whether it was opened for migrations, past the pooler. */
  migrating?: boolean;
  /** Major version of its server. */
  serverVersion?: string;
  /** Names for statements that are to stay prepared; undefined where a pooler may hand the session to somebody else. */
  statementNames?: StatementNames | undefined;
  /** Those of the names that this connection has prepared. */
  preparedNames?: Set<string>;
  /** Whether the savepoint `statement` exists in the current transaction. */
  guarded?: boolean;
  /** Settles when the statements that were asked for so far have been answered. */
  turn?: Promise<void> | undefined;
}

/** A statement and its values as PostgreSQL takes them. */
export interface Prepared {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Puts the bindings where the translation wants them; lists become lists of placeholders, as mysql2 expands them. */
export function prepare(translation: Translation, bindings: readonly unknown[]): Prepared {
  const { parameters, segments } = translation;
  const ordered = parameters.map((index) => bindings[index]);
  if (translation.kind === 'definition' && ordered.length > 0) {
    return { text: joinSegments(segments, ordered.map(inline)), values: [] };
  }
  const lists = ordered.some(Array.isArray);
  const merge = translation.mergeEqualBindings && new Set(ordered).size < ordered.length;
  if (!lists && !merge) return { text: translation.sql, values: ordered };
  const values: unknown[] = [];
  const placeholder = (value: unknown) => {
    const known = merge && typeof value === 'string' ? values.indexOf(value) : -1;
    return `$${known >= 0 ? known + 1 : values.push(value)}`;
  };
  const fillings = ordered.map((value) =>
    Array.isArray(value) ? (value.length > 0 ? value : [null]).map(placeholder).join(', ') : placeholder(value),
  );
  return { text: joinSegments(segments, fillings), values };
}

/** A definition takes no parameters in PostgreSQL. */
function inline(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  return typeof value === 'number' ? String(value) : pg.escapeLiteral(String(value));
}

/**
 * Whose failure inside of a transaction Ghost survives: duplicate rows (importer, Stripe's webhooks, Mailgun's
 * suppressions), an index that is there or is not (addUnique and dropUnique in migrations), SHOW of a table that is not
 * there.
 */
const guardedKinds: ReadonlySet<StatementKind> = new Set(['write', 'definition', 'inspection']);

/**
 * Runs a statement, after those that its connection was given before: Ghost asks for several at once inside of one
 * transaction (fixtures, relations of a post), and the next must not come between one that failed and the way back to its
 * savepoint.
 */
export function execute(connection: Connection, translation: Translation, prepared: Prepared): Promise<pg.QueryResult> {
  const work = () => executeNow(connection, translation, prepared);
  const result = connection.turn === undefined ? work() : connection.turn.then(work);
  const turn = result.then(ignore, ignore).then(() => {
    if (connection.turn === turn) connection.turn = undefined;
  });
  connection.turn = turn;
  return result;
}

const ignore = () => undefined;

/**
 * Inside of a transaction some kinds of statement are guarded by a savepoint; it travels with the statement and is moved
 * along, so that it costs no round trip and the number of sub-transactions stays at one.
 */
async function executeNow(
  connection: Connection,
  translation: Translation,
  prepared: Prepared,
): Promise<pg.QueryResult> {
  if (translation.kind === 'transaction') return control(connection, prepared.text);
  const query: Query = {
    text: prepared.text,
    values: [...prepared.values],
    name: translation.kind === 'definition' ? undefined : connection.statementNames?.nameOf(prepared.text),
  };
  try {
    const result = await run(connection, translation, query);
    if (query.name !== undefined) connection.preparedNames?.add(query.name);
    return result;
  } catch (error) {
    if (!/^cached plan must not change/.test((error as Error).message)) throw error;
    // A migration of another process changed a table: whatever else this connection has prepared may be stale too.
    connection.__knex__disposed = error;
    if ((connection.transactions ?? 0) > 0) throw error;
    return connection.query({ text: query.text, values: query.values });
  }
}

function run(connection: Connection, { kind }: Translation, query: Query): Promise<pg.QueryResult> {
  if ((connection.transactions ?? 0) > 0)
    return guardedKinds.has(kind) ? runGuarded(connection, query) : connection.query(query);
  if (kind === 'write') return retryingDeadlocks(connection, query);
  return kind === 'read' ? retryingCasts(connection, query) : connection.query(query);
}

async function runGuarded(connection: Connection, query: Query): Promise<pg.QueryResult> {
  const guards = connection.guarded === true ? ['release savepoint statement', savepoint] : [savepoint];
  // pg takes the first statement that is parsed for the named one, so the one that names is sent alone.
  const naming = query.name !== undefined && connection.preparedNames?.has(query.name) !== true;
  if (naming) {
    await connection.query(guards.join('; '));
    connection.guarded = true;
  }
  try {
    const result = await (naming ? connection.query(query) : queryBehind(connection, guards, query));
    connection.guarded = true;
    return result;
  } catch (error) {
    // Something before this statement failed already, and no savepoint was set for it.
    if ((error as { code?: string }).code === inFailedTransaction) throw error;
    await connection.query('rollback to savepoint statement');
    connection.guarded = true;
    throw error;
  }
}

const savepoint = 'savepoint statement';
const inFailedTransaction = '25P02';

async function control(connection: Connection, text: string): Promise<pg.QueryResult> {
  const command = /^\s*(\w+)(?:\s+(?:work\s+|transaction\s+)?(\w+))?/.exec(text.toLowerCase());
  const nested = command?.[1] === 'savepoint' || command?.[1] === 'release' || command?.[2] === 'to';
  // A savepoint of knex's own encloses ours: releasing or rolling back to it ends ours too.
  connection.guarded = false;
  if (!nested) connection.transactions = command?.[1] === 'begin' || command?.[1] === 'start' ? 1 : 0;
  return connection.query(text);
}
