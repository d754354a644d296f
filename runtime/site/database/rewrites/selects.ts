import { identifier, operator, raw, space, type Token, word } from '../lexer.ts';
import {
  clauseEnd,
  closingIndex,
  eachOutside,
  isCall,
  isName,
  isOperator,
  isWord,
  nextIndex,
  type Select,
  splitAtCommas,
} from '../tokens.ts';

const aggregates = new Set(['COUNT', 'SUM', 'MIN', 'MAX', 'AVG', 'STRING_AGG', 'GROUP_CONCAT', 'JSON_ARRAYAGG']);

/**
 * Primary keys of the tables that have no `id`; none for views and for tables of one row, whose rows have no order to fall
 * back on.
 */
const otherKeys: Readonly<Record<string, readonly string[]>> = {
  automation_action_edges: ['source_action_id', 'target_action_id'],
  brute: ['key'],
  gift_links: ['token'],
  members_current_subscription: ['member_id'],
  members_resolved_subscription: [],
  migrations_lock: [],
  post_gift_links: ['post_id'],
};

const notAnAlias = new Set([
  'WHERE',
  'LIMIT',
  'OFFSET',
  'FOR',
  'ORDER',
  'GROUP',
  'HAVING',
  'JOIN',
  'LEFT',
  'INNER',
  'RIGHT',
  'CROSS',
  'FULL',
  'ON',
  'UNION',
  'LOCK',
  'WINDOW',
  'USE',
  'FORCE',
]);

/** The table that a SELECT reads first, by the name that its columns go by. */
interface Source {
  readonly table: string;
  readonly alias: Token;
  /** Whether nothing is joined to it. */
  readonly alone: boolean;
}

/** Whether the columns of a SELECT, or its HAVING, aggregate rows. */
function aggregatesRows(tokens: readonly Token[], select: Select): boolean {
  let found = false;
  const range = { start: select.start + 1, end: select.clauses.FROM ?? select.end };
  for (let at = range.start; at < range.end; at += 1) {
    const token = tokens[at] as Token;
    if (isOperator(token, '(') && isWord(tokens[nextIndex(tokens, at)], 'SELECT')) at = closingIndex(tokens, at);
    else if (token.kind === 'word' && aggregates.has(token.upper) && isCall(tokens, at)) {
      const close = closingIndex(tokens, nextIndex(tokens, at));
      if (!isWord(tokens[nextIndex(tokens, close)], 'OVER')) found = true;
    }
  }
  return found;
}

function sourceOf(tokens: readonly Token[], select: Select): Source | undefined {
  if (select.clauses.FROM === undefined) return undefined;
  const at = nextIndex(tokens, select.clauses.FROM);
  const table = tokens[at];
  const after = nextIndex(tokens, at);
  if (!isName(table) || isOperator(tokens[after], '.') || isOperator(tokens[after], '(')) return undefined;
  let alias = table;
  if (isWord(tokens[after], 'AS')) alias = tokens[nextIndex(tokens, after)] ?? table;
  else if (after < select.end && isName(tokens[after]) && !notAnAlias.has(tokens[after].upper)) alias = tokens[after];
  let alone = true;
  eachOutside(tokens, { start: at, end: clauseEnd(select, 'FROM') }, (token) => {
    if (isWord(token, 'JOIN') || isOperator(token, ',')) alone = false;
    return false;
  });
  return { table: table.text, alias, alone };
}

/**
 * `count(*) … ORDER BY` without GROUP BY: bookshelf's pagination counts with the order of the page. MySQL ignores it,
 * PostgreSQL refuses the column.
 */
export function dropOrderOfCounts(tokens: Token[], select: Select): void {
  const { ORDER, GROUP } = select.clauses;
  if (ORDER === undefined || GROUP !== undefined || !aggregatesRows(tokens, select)) return;
  tokens.splice(ORDER, clauseEnd(select, 'ORDER') - ORDER);
}

/**
 * Rows in the order in which InnoDB gives them where Ghost relies on it: by primary key when nothing else is said
 * (`Settings.findAll`), and among equals (`ORDER BY created_at` of comments and events at second precision); by the
 * group's key where rows are grouped (statistics by date).
 */
export function completeOrder(tokens: Token[], select: Select): void {
  const { ORDER, GROUP, UNION, LIMIT, OFFSET, FOR, LOCK } = select.clauses;
  if (UNION !== undefined || select.distinct || isInUnion(tokens, select)) return;
  // The order of a subquery shows only where it limits its rows.
  if (select.nested && LIMIT === undefined) return;
  const end = Math.min(select.end, ...[LIMIT, OFFSET, FOR, LOCK].filter((at) => at !== undefined));
  const keys = GROUP === undefined ? primaryKey(tokens, select) : groupKeys(tokens, select);
  if (keys === undefined) return;
  const lead = ORDER === undefined ? [space, word('ORDER'), space, word('BY'), space] : [operator(','), space];
  tokens.splice(end, 0, ...lead, ...keys, space);
}

function primaryKey(tokens: readonly Token[], select: Select): Token[] | undefined {
  const source = sourceOf(tokens, select);
  if (source === undefined || aggregatesRows(tokens, select)) return undefined;
  const columns = otherKeys[source.table] ?? ['id'];
  if (columns.length === 0 || isCommonTable(tokens, source.table)) return undefined;
  if (/^(pg_|information_schema)/i.test(source.table)) return undefined;
  if (select.clauses.ORDER === undefined && !source.alone) return undefined;
  const { ORDER } = select.clauses;
  if (ORDER !== undefined) {
    const keys = tokens.slice(ORDER, clauseEnd(select, 'ORDER'));
    // The primary key is among the keys already: nothing can be tied.
    if (
      keys.some(
        (token, at) => isName(token) && token.text.toLowerCase() === columns[0] && !isOperator(keys[at + 1], '.'),
      )
    )
      return undefined;
  }
  const alias: Token = { ...source.alias, kind: 'identifier' };
  return columns.flatMap((column, at) => [
    ...(at === 0 ? [] : [operator(','), space]),
    alias,
    operator('.'),
    identifier(column),
  ]);
}

/** Whether `name` is what WITH calls a subquery: its rows have no key (top posts, top referrers). */
function isCommonTable(tokens: readonly Token[], name: string): boolean {
  if (!isWord(tokens[nextIndex(tokens, -1)], 'WITH')) return false;
  return tokens.some((token, at) => {
    const as = nextIndex(tokens, at);
    const isNamed = isName(token) && token.text === name && isWord(tokens[as], 'AS');
    return isNamed && isOperator(tokens[nextIndex(tokens, as)], '(');
  });
}

function groupKeys(tokens: readonly Token[], select: Select): Token[] | undefined {
  const { GROUP } = select.clauses;
  if (GROUP === undefined) return undefined;
  const by = nextIndex(tokens, GROUP);
  return tokens
    .slice(by + 1, clauseEnd(select, 'GROUP'))
    .filter((token, at, list) => token.kind !== 'space' || (at > 0 && at < list.length - 1));
}

function isInUnion(tokens: readonly Token[], select: Select): boolean {
  const before = tokens.slice(0, select.start).findLast((token) => token.kind !== 'space');
  return isWord(before, 'UNION', 'ALL');
}

/**
 * NULL is MySQL's smallest value: first when ascending, last when descending (drafts before published posts). Keys that
 * cannot be NULL are left alone, so that their index still serves the order; an outer join can make any key NULL.
 */
export function orderNulls(tokens: Token[]): void {
  const outerJoin = tokens.some((token) => isWord(token, 'LEFT', 'RIGHT', 'FULL'));
  for (let at = tokens.length - 1; at >= 0; at -= 1) {
    if (!isWord(tokens[at], 'ORDER') || !isWord(tokens[nextIndex(tokens, at)], 'BY')) continue;
    const start = nextIndex(tokens, at) + 1;
    const keys = splitAtCommas(tokens, { start, end: orderEnd(tokens, start) });
    for (const key of keys.reverse()) {
      const nulls = nullsOf(tokens.slice(key.start, key.end), outerJoin);
      if (nulls !== undefined) tokens.splice(key.end, 0, raw(nulls));
    }
  }
}

/**
 * What puts NULL where MySQL has it, behind one key of an ORDER BY or of an index; undefined where it is said already or
 * the key is never NULL.
 */
export function nullsOf(key: readonly Token[], outerJoin = false): string | undefined {
  if (key.length === 0 || key.some((token) => isWord(token, 'NULLS')) || (!outerJoin && neverNull(key)))
    return undefined;
  return isWord(key.at(-1), 'DESC') ? ' NULLS LAST' : ' NULLS FIRST';
}

const orderEnds = ['LIMIT', 'OFFSET', 'FOR', 'UNION', 'ROWS', 'RANGE', 'LOCK', 'SEPARATOR', 'RETURNING', 'WINDOW'];

function orderEnd(tokens: readonly Token[], start: number): number {
  let depth = 0;
  for (let at = start; at < tokens.length; at += 1) {
    const token = tokens[at] as Token;
    if (depth === 0 && (isOperator(token, ')') || isOperator(token, ';') || isWord(token, ...orderEnds))) return at;
    if (isOperator(token, '(')) depth += 1;
    else if (isOperator(token, ')')) depth -= 1;
  }
  return tokens.length;
}

/** Columns of Ghost's schema that are NOT NULL in every table that has them. */
const notNullColumns = new Set(['id', 'created_at', 'slug', 'sort_order']);

function neverNull(key: readonly Token[]): boolean {
  const names = key.filter((token) => token.kind !== 'space' && !isWord(token, 'ASC', 'DESC'));
  return (
    names.every((token) => isName(token) || isOperator(token, '.')) && notNullColumns.has(names.at(-1)?.text ?? '')
  );
}

/**
 * FOR UPDATE: PostgreSQL takes it neither with DISTINCT, GROUP BY and aggregates (belongsToMany when a post is edited) nor
 * for the nullable side of an outer join.
 */
export function fitLocks(tokens: Token[], select: Select): void {
  const { FOR, GROUP, HAVING } = select.clauses;
  if (FOR === undefined || !isWord(tokens[nextIndex(tokens, FOR)], 'UPDATE', 'SHARE')) return;
  const strength = nextIndex(tokens, FOR);
  if (GROUP !== undefined || HAVING !== undefined || select.distinct || aggregatesRows(tokens, select)) {
    tokens.splice(FOR, strength - FOR + 1);
    return;
  }
  const source = sourceOf(tokens, select);
  const outer = tokens.slice(select.start, FOR).some((token) => isWord(token, 'LEFT', 'RIGHT', 'FULL'));
  if (outer && source !== undefined && !isWord(tokens[nextIndex(tokens, strength)], 'OF')) {
    tokens.splice(strength + 1, 0, space, word('OF'), space, { ...source.alias, kind: 'identifier' });
  }
}

/** `LIMIT offset, count` → `LIMIT count OFFSET offset`. */
export function swapLimits(tokens: Token[]): void {
  for (let at = 0; at < tokens.length; at += 1) {
    if (!isWord(tokens[at], 'LIMIT')) continue;
    const first = nextIndex(tokens, at);
    const comma = nextIndex(tokens, first);
    const second = nextIndex(tokens, comma);
    const [offset, count] = [tokens[first], tokens[second]];
    if (isOperator(tokens[comma], ',') && offset !== undefined && count !== undefined) {
      tokens.splice(first, second - first + 1, count, raw(' OFFSET '), offset);
    }
  }
}
