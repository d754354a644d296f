import { isTyped } from '../columns.ts';
import { identifier, operator, raw, space, type Token, word } from '../lexer.ts';
import {
  closingIndex,
  eachOutside,
  isCall,
  isName,
  isOperator,
  isWord,
  nextIndex,
  previousIndex,
  splitAtCommas,
} from '../tokens.ts';

/** MySQL's types in CAST and CONVERT. */
const castTypes: Readonly<Record<string, string>> = {
  CHAR: 'text',
  NCHAR: 'text',
  SIGNED: 'bigint',
  UNSIGNED: 'bigint',
  DATETIME: 'timestamp',
  DOUBLE: 'double precision',
  BINARY: 'bytea',
};

/** Functions whose PostgreSQL counterpart has another name, or that a built-in of the same name would shadow. */
const functions: Readonly<Record<string, string>> = {
  IFNULL: 'coalesce',
  RAND: 'random',
  REPLACE: 'mysql_compat.replace_binary',
  VERSION: 'mysql_compat.version',
  CHAR_LENGTH: 'char_length',
  LENGTH: 'octet_length',
  UCASE: 'upper',
  LCASE: 'lower',
};

const intervalUnits = new Set(['SECOND', 'MINUTE', 'HOUR', 'DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR']);

/** Words in mixed case that are no names; everything else in mixed case is an alias whose case the result must keep. */
const keywords = new Set(
  'SELECT FROM WHERE AND OR NOT NULL AS ON IN IS BY GROUP ORDER LIMIT OFFSET ASC DESC JOIN LEFT INNER OUTER UNION ALL CASE WHEN THEN ELSE END DISTINCT HAVING BETWEEN'.split(
    ' ',
  ),
);

/**
 * Operators and functions of MySQL's expressions. One pass over the tokens; each case names who sends it.
 *
 * @param definition whether the statement defines objects: there words are names and types
 */
export function rewriteExpressions(tokens: Token[], definition: boolean): void {
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] as Token;
    if (token.kind === 'operator') rewriteOperator(tokens, at, token.text);
    else if (token.kind === 'word') {
      if (isCall(tokens, at)) rewriteCall(tokens, at, token);
      else rewriteWord(tokens, at, token, definition);
    }
  }
}

function rewriteOperator(tokens: Token[], at: number, text: string): void {
  if (text === '<=>') tokens[at] = raw('IS NOT DISTINCT FROM');
  else if (text === '&&') tokens[at] = raw('AND');
  else if (text === '||') tokens[at] = raw('OR');
  else if (text === '/') rewriteDivision(tokens, at);
  else if (comparisons.has(text)) alignCollations(tokens, at);
}

const comparisons = new Set(['=', '<>', '!=', '<', '<=', '>', '>=']);

/**
 * A column that machines fill compared with one that people type into (`stripe_price_id = from_plan` of the subscription
 * statistics): PostgreSQL will not choose between their collations, MySQL's columns all have the same.
 */
function alignCollations(tokens: Token[], at: number): void {
  const before = previousIndex(tokens, at);
  const left = tokens[before];
  let end = nextIndex(tokens, at);
  // Joins name the table; what does not may be an assignment or a word of the language.
  if (!isOperator(tokens[before - 1], '.') || !isOperator(tokens[end + 1], '.')) return;
  while (isOperator(tokens[end + 1], '.')) end += 2;
  const right = tokens[end];
  if (!isName(left) || !isName(right) || isTyped(left.text) === isTyped(right.text)) return;
  const collate = raw(' COLLATE mysql_compat.ai_ci');
  if (isTyped(left.text)) tokens.splice(end + 1, 0, collate);
  else tokens.splice(at, 0, collate, space);
}

/**
 * `/` is a decimal division of four digits and NULL for a zero divisor (post analytics: click and open rates). The chain
 * of factors before it is its dividend.
 */
function rewriteDivision(tokens: Token[], at: number): void {
  let start = operandStart(tokens, previousIndex(tokens, at));
  for (
    let before = previousIndex(tokens, start);
    isOperator(tokens[before], '*');
    before = previousIndex(tokens, start)
  )
    start = operandStart(tokens, previousIndex(tokens, before));
  const end = operandEnd(tokens, nextIndex(tokens, at));
  tokens[at] = raw(', ');
  tokens.splice(end, 0, operator(')'));
  tokens.splice(start, 0, raw('mysql_compat.divide'), operator('('));
}

/** Index at which the operand begins that ends at `last`: a name, a literal, a call or something in parentheses. */
function operandStart(tokens: readonly Token[], last: number): number {
  let start = last;
  if (isOperator(tokens[start], ')')) {
    for (let depth = 0; start >= 0; start -= 1) {
      if (isOperator(tokens[start], ')')) depth += 1;
      else if (isOperator(tokens[start], '(') && --depth === 0) break;
    }
    const name = previousIndex(tokens, start);
    const called = tokens[name];
    if (called?.kind === 'raw' || (called?.kind === 'word' && !keywords.has(called.upper))) start = name;
  } else while (isOperator(tokens[start - 1], '.')) start -= 2;
  return start;
}

/** Index after the operand that begins at `start`: a name, a literal, a call or something in parentheses. */
function operandEnd(tokens: readonly Token[], start: number): number {
  let end = start;
  if (isOperator(tokens[end], '(')) return closingIndex(tokens, end) + 1;
  while (isOperator(tokens[end + 1], '.')) end += 2;
  const open = nextIndex(tokens, end);
  return tokens[end]?.kind === 'word' && isOperator(tokens[open], '(') ? closingIndex(tokens, open) + 1 : end + 1;
}

function rewriteCall(tokens: Token[], at: number, token: Token): void {
  const open = nextIndex(tokens, at);
  if (token.upper === 'CAST') rewriteCast(tokens, open);
  else if (token.upper === 'GROUP_CONCAT') rewriteGroupConcat(tokens, at);
  else if (token.upper === 'CURRENT_TIMESTAMP' || token.upper === 'NOW') {
    // Second precision as MySQL's, and a timestamp without zone as the columns are.
    tokens.splice(at, closingIndex(tokens, open) - at + 1, raw("date_trunc('second', localtimestamp)"));
  } else if (token.upper === 'DATABASE')
    tokens.splice(at, closingIndex(tokens, open) - at + 1, raw('current_schema()::text'));
  else if (token.upper === 'LIKE' || token.upper === 'IN' || token.upper === 'VALUES') return;
  else {
    const name = functions[token.upper];
    if (name !== undefined) tokens[at] = raw(name);
  }
}

/** `CAST(x AS CHAR)`: the posts exporter and tag search. The word after AS is a type, never a name. */
function rewriteCast(tokens: Token[], open: number): void {
  const close = closingIndex(tokens, open);
  for (let at = close; at > open; at -= 1) {
    if (!isWord(tokens[at], 'AS')) continue;
    const type = nextIndex(tokens, at);
    const name = tokens[type];
    if (name?.kind === 'word') tokens[type] = raw(castTypes[name.upper] ?? name.text);
    return;
  }
}

/** `GROUP_CONCAT([DISTINCT] x [ORDER BY y] [SEPARATOR ',']) → string_agg` (members' labels, post exports). */
function rewriteGroupConcat(tokens: Token[], at: number): void {
  const open = nextIndex(tokens, at);
  const close = closingIndex(tokens, open);
  const distinct = isWord(tokens[nextIndex(tokens, open)], 'DISTINCT');
  let order = -1;
  let end = close;
  let separator: Token = { kind: 'string', text: ',', upper: '', index: -1 };
  eachOutside(tokens, { start: open + 1, end: close }, (token, index) => {
    if (isWord(token, 'ORDER') && order < 0) order = index;
    if (!isWord(token, 'SEPARATOR')) return false;
    separator = tokens[nextIndex(tokens, index)] ?? separator;
    end = index;
    return true;
  });
  const from = distinct ? nextIndex(tokens, open) + 1 : open + 1;
  const expression = tokens.slice(from, order < 0 ? end : order);
  // With DISTINCT PostgreSQL orders by the very expression that it aggregates.
  const written = order < 0 ? [] : tokens.slice(order, end);
  const descending = written.some((token) => isWord(token, 'DESC'));
  const ordering =
    distinct && order >= 0
      ? [
          word('ORDER'),
          space,
          word('BY'),
          space,
          operator('('),
          ...expression,
          operator(')'),
          raw(`::text${descending ? ' DESC NULLS LAST' : ' NULLS FIRST'}`),
        ]
      : written;
  tokens.splice(
    at,
    close - at + 1,
    word('string_agg'),
    operator('('),
    ...(distinct ? [word('DISTINCT'), space] : []),
    operator('('),
    ...expression,
    operator(')'),
    raw('::text, '),
    separator,
    space,
    ...ordering,
    operator(')'),
  );
}

function rewriteWord(tokens: Token[], at: number, token: Token, definition: boolean): void {
  switch (token.upper) {
    case 'REGEXP':
    case 'RLIKE':
      // Regular expressions do not know nondeterministic collations in any release.
      tokens.splice(at, 1, raw('COLLATE "C" ~*'));
      return;
    case 'LIKE':
    case 'ILIKE':
      // knex's whereILike is LIKE on MySQL.
      if (!definition) rewriteLike(tokens, at);
      return;
    case 'INTERVAL':
      rewriteInterval(tokens, at);
      return;
    case 'TRUE':
    case 'FALSE':
      // MySQL's booleans are numbers, and so are the columns here. IS TRUE stays: it is asked of a comparison.
      if (!isWord(tokens[previousIndex(tokens, at)], 'IS', 'NOT')) tokens[at] = raw(token.upper === 'TRUE' ? '1' : '0');
      return;
    default:
      // `trackedEmailCount` without quotes (members' statistics): PostgreSQL would fold it to lower case.
      if (/[a-z]/.test(token.text) && /[A-Z]/.test(token.text) && !keywords.has(token.upper))
        tokens[at] = identifier(token.text);
  }
}

/**
 * LIKE compares letter by letter without case and accents: 'ß' is no 'ss' to it, although the two are equal. Folding both
 * sides does that on every release; PostgreSQL knows LIKE on nondeterministic collations from 18 on only, and there as a
 * comparison of whole strings.
 */
function rewriteLike(tokens: Token[], at: number): void {
  let before = previousIndex(tokens, at);
  const negated = isWord(tokens[before], 'NOT');
  if (negated) before = previousIndex(tokens, before);
  const start = operandStart(tokens, before);
  const pattern = nextIndex(tokens, at);
  const end = operandEnd(tokens, pattern);
  // No longer a word: the pass that called this goes on behind what is inserted here and must not meet it again.
  tokens[at] = raw('LIKE');
  tokens.splice(end, 0, raw(')'));
  tokens.splice(pattern, 0, raw('mysql_compat.fold('));
  // A function's result has its argument's collation, whatever was said inside of it.
  tokens.splice(before + 1, 0, raw(') COLLATE "C"'));
  tokens.splice(start, 0, raw('mysql_compat.fold('));
}

/** `INTERVAL 30 DAY`, `INTERVAL ? DAY` (statistics over the last days). */
function rewriteInterval(tokens: Token[], at: number): void {
  const amount = nextIndex(tokens, at);
  const unit = nextIndex(tokens, amount);
  const value = tokens[amount];
  const name = tokens[unit];
  if (value === undefined || name?.kind !== 'word' || !intervalUnits.has(name.upper)) return;
  if (value.kind === 'parameter')
    tokens.splice(at, unit - at + 1, raw('('), value, raw(`::text || ' ${name.upper}')::interval`));
  else if (value.kind === 'number' || value.kind === 'string')
    tokens.splice(at, unit - at + 1, raw(`interval '${Number(value.text)} ${name.upper}'`));
}

/**
 * Columns without an alias that are a call: MySQL names them by their text, PostgreSQL by the function (`row['count(*)']`
 * in knex-migrator, bookshelf's count).
 */
export function nameCallColumns(
  tokens: Token[],
  select: { start: number; clauses: { FROM?: number }; end: number; nested: boolean },
): void {
  if (select.nested) return;
  let start = nextIndex(tokens, select.start);
  if (isWord(tokens[start], 'DISTINCT', 'ALL')) start = nextIndex(tokens, start);
  const columns = splitAtCommas(tokens, { start, end: select.clauses.FROM ?? select.end });
  for (const column of columns.reverse()) {
    const first = tokens[column.start];
    const open = nextIndex(tokens, column.start);
    if (first?.kind !== 'word' || !isOperator(tokens[open], '(') || closingIndex(tokens, open) !== column.end - 1)
      continue;
    const text = tokens.slice(column.start, column.end).map(asWritten).join('');
    tokens.splice(column.end, 0, space, word('AS'), space, identifier(text));
  }
}

function asWritten(token: Token): string {
  if (token.kind === 'identifier') return `\`${token.text}\``;
  return token.kind === 'string' ? `'${token.text}'` : token.text;
}
