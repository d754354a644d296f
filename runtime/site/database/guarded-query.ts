import pg from 'pg';

/** The messages of the extended protocol that are sent here. */
interface Wire {
  parse(message: { text: string }): void;
  bind(message: object): void;
  execute(message: object): void;
}

/** What pg's type declarations leave out of its class. */
interface PgQuery {
  requiresPreparation(): boolean;
  prepare(connection: Wire): void;
  handleCommandComplete(message: unknown, connection: Wire): void;
}

const Base = pg.Query as unknown as new (
  config: pg.QueryConfig,
  callback: (error: Error | null, result: pg.QueryResult) => void,
) => PgQuery;

/**
 * A statement behind others that return nothing, all sent at once and answered at once: a savepoint costs no round trip of
 * its own. The first that fails ends the rest, since the server reads on only behind the one Sync.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
class GuardedQuery extends Base {
  readonly #guards: readonly string[];
  #pending: number;

  constructor(
    guards: readonly string[],
    query: pg.QueryConfig,
    callback: (error: Error | null, result: pg.QueryResult) => void,
  ) {
    super(query, callback);
    this.#guards = guards;
    this.#pending = guards.length;
  }

  override requiresPreparation(): boolean {
    return true;
  }

  override prepare(connection: Wire): void {
    for (const text of this.#guards) {
      connection.parse({ text });
      connection.bind({});
      connection.execute({});
    }
    super.prepare(connection);
  }

  override handleCommandComplete(message: unknown, connection: Wire): void {
    if (this.#pending > 0) this.#pending -= 1;
    else super.handleCommandComplete(message, connection);
  }
}

/** Runs `guards`, then a statement, in one round trip. Resolves with the result of the statement. */
export function queryBehind(
  client: pg.ClientBase,
  guards: readonly string[],
  query: pg.QueryConfig,
): Promise<pg.QueryResult> {
  return new Promise((resolve, reject) => {
    client.query(
      new GuardedQuery(guards, query, (error, result) =>
        error === null ? resolve(result) : reject(error),
      ) as unknown as pg.Submittable,
    );
  });
}
