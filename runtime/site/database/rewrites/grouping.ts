import { operator, raw, type Token } from '../lexer.ts';
import {
  clauseEnd,
  isName,
  isOperator,
  isWord,
  nextIndex,
  previousIndex,
  type Range,
  type Select,
  splitAtCommas,
} from '../tokens.ts';
import { resultColumns } from './result-columns.ts';

/** A column as a statement names it. */
interface ColumnName {
  readonly table: string | undefined;
  readonly column: string;
}

/**
 * Columns beside GROUP BY that are not grouped. MySQL takes them where a group has one value (it follows keys through joins
 * and derived tables) and any of the values where ONLY_FULL_GROUP_BY is off; PostgreSQL knows only the primary key of the
 * column's own table. The smallest value stands in: the only one where there is one, and always the same where not.
 *
 * @see https://dev.mysql.com/doc/refman/8.0/en/group-by-handling.html
 */
export function pickUngrouped(tokens: Token[], select: Select): void {
  const { GROUP, ORDER, FROM } = select.clauses;
  if (GROUP === undefined || FROM === undefined) return;
  const grouped = splitAtCommas(tokens, {
    start: nextIndex(tokens, GROUP) + 1,
    end: clauseEnd(select, 'GROUP'),
  }).flatMap((key) => columnAt(tokens, key) ?? []);
  const derived = derivedTables(tokens, { start: FROM, end: clauseEnd(select, 'FROM') });
  const columns = resultColumns(tokens, select);
  const aliases = new Set(columns.map(({ alias }) => alias));
  const isFree = (name: ColumnName) => !isDetermined(name, grouped, derived);
  if (ORDER !== undefined) {
    const keys = splitAtCommas(tokens, { start: nextIndex(tokens, ORDER) + 1, end: clauseEnd(select, 'ORDER') });
    for (const key of keys.reverse()) {
      const last = previousIndex(tokens, key.end);
      const end = isWord(tokens[last], 'ASC', 'DESC') ? previousIndex(tokens, last) + 1 : key.end;
      const name = columnAt(tokens, { start: key.start, end });
      if (name !== undefined && isFree(name) && (name.table !== undefined || !aliases.has(name.column)))
        wrap(tokens, { start: key.start, end });
    }
  }
  for (const { start, end, alias } of columns.reverse()) {
    const name = columnAt(tokens, { start, end });
    if (name === undefined || !isFree(name)) continue;
    // A column may be grouped by its alias (`products.id as tier` of the subscription statistics).
    if (alias === undefined) wrap(tokens, { start, end }, name.column);
    else if (!grouped.some((key) => key.table === undefined && key.column === alias)) wrap(tokens, { start, end });
  }
}

/** The column that a range consists of; undefined for expressions, literals and `*`. */
function columnAt(tokens: readonly Token[], { start, end }: Range): ColumnName | undefined {
  const written = tokens.slice(start, end).filter((token) => token.kind !== 'space');
  const [first, dot, last] = written;
  if (written.length === 1 && isName(first)) return { table: undefined, column: first.text };
  if (written.length === 3 && isName(first) && isOperator(dot, '.') && isName(last))
    return { table: first.text, column: last.text };
  return undefined;
}

/** Names of the subqueries in FROM: what they group by is no primary key to PostgreSQL. */
function derivedTables(tokens: readonly Token[], from: Range): Set<string> {
  const names = new Set<string>();
  for (let at = from.start; at < from.end; at += 1) {
    if (!isOperator(tokens[at], ')')) continue;
    const after = nextIndex(tokens, at);
    const name = tokens[isWord(tokens[after], 'AS') ? nextIndex(tokens, after) : after];
    if (isName(name)) names.add(name.text);
  }
  return names;
}

function isDetermined(name: ColumnName, grouped: readonly ColumnName[], derived: ReadonlySet<string>): boolean {
  const isOfSameTable = (key: ColumnName) =>
    key.table === undefined || name.table === undefined || key.table === name.table;
  return grouped.some(
    (key) =>
      isOfSameTable(key) &&
      (key.column === name.column || (key.column === 'id' && !derived.has(name.table ?? key.table ?? ''))),
  );
}

/** Puts `min(…)` around a range; `alias` keeps the name that the column had without it. */
function wrap(tokens: Token[], { start, end }: Range, alias = ''): void {
  const name = alias === '' ? [] : [raw(` AS "${alias.replaceAll('"', '""')}"`)];
  tokens.splice(end, 0, operator(')'), ...name);
  tokens.splice(start, 0, raw('min'), operator('('));
}
