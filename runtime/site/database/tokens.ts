import type { Token } from './lexer.ts';

/** Index of the first token after `at` that is not white space; the length of the list where there is none. */
export function nextIndex(tokens: readonly Token[], at: number): number {
  let index = at + 1;
  while (tokens[index]?.kind === 'space') index += 1;
  return index;
}

/** Index of the last token before `at` that is not white space; -1 where there is none. */
export function previousIndex(tokens: readonly Token[], at: number): number {
  let index = at - 1;
  while (tokens[index]?.kind === 'space') index -= 1;
  return index;
}

export function isWord(token: Token | undefined, ...words: readonly string[]): boolean {
  return token?.kind === 'word' && words.includes(token.upper);
}

export function isOperator(token: Token | undefined, text: string): boolean {
  return token?.kind === 'operator' && token.text === text;
}

/** Whether the token names something: a table, a column, an alias. */
export function isName(token: Token | undefined): token is Token {
  return token?.kind === 'identifier' || token?.kind === 'word';
}

/** Whether the word at `at` is followed by an opening parenthesis. */
export function isCall(tokens: readonly Token[], at: number): boolean {
  return isOperator(tokens[nextIndex(tokens, at)], '(');
}

/** Index of the parenthesis that closes the one at `open`; the last index where it is missing. */
export function closingIndex(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (isOperator(tokens[at], '(')) depth += 1;
    else if (isOperator(tokens[at], ')')) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return tokens.length - 1;
}

/** A stretch of tokens: `start` included, `end` not. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Calls `visit` for each token of a range that stands in no parentheses opened inside of it; stops when it returns true. */
export function eachOutside(
  tokens: readonly Token[],
  range: Range,
  visit: (token: Token, at: number) => boolean | undefined,
): void {
  let depth = 0;
  for (let at = range.start; at < range.end; at += 1) {
    const token = tokens[at] as Token;
    if (isOperator(token, ')')) depth -= 1;
    if (depth === 0 && visit(token, at) === true) return;
    if (isOperator(token, '(')) depth += 1;
  }
}

/** Splits a range at its outermost commas; the parts carry no white space at their ends. */
export function splitAtCommas(tokens: readonly Token[], range: Range): Range[] {
  const parts: Range[] = [];
  let start = range.start;
  eachOutside(tokens, range, (token, at) => {
    if (isOperator(token, ',')) {
      parts.push(trim(tokens, { start, end: at }));
      start = at + 1;
    }
    return false;
  });
  parts.push(trim(tokens, { start, end: range.end }));
  return parts;
}

export function trim(tokens: readonly Token[], range: Range): Range {
  let { start, end } = range;
  while (start < end && tokens[start]?.kind === 'space') start += 1;
  while (end > start && tokens[end - 1]?.kind === 'space') end -= 1;
  return { start, end };
}

const clauses = [
  'FROM',
  'WHERE',
  'GROUP',
  'HAVING',
  'ORDER',
  'LIMIT',
  'OFFSET',
  'FOR',
  'LOCK',
  'UNION',
  'WINDOW',
] as const;

export type Clause = (typeof clauses)[number];

/** One SELECT: where it stands and where each of its clauses begins. */
export interface Select {
  /** Index of the word SELECT. */
  readonly start: number;
  /** Index after its last token, white space and a closing semicolon left out. */
  readonly end: number;
  /** Index of the first word of each clause it has. */
  readonly clauses: Partial<Record<Clause, number>>;
  readonly distinct: boolean;
  /** Whether it stands in parentheses: a subquery. */
  readonly nested: boolean;
}

/** All SELECTs of a statement, innermost last to start first, so that rewriting one does not move those still to come. */
export function findSelects(tokens: readonly Token[]): Select[] {
  const found: Select[] = [];
  for (let at = tokens.length - 1; at >= 0; at -= 1) {
    if (isWord(tokens[at], 'SELECT')) found.push(readSelect(tokens, at));
  }
  return found;
}

function readSelect(tokens: readonly Token[], start: number): Select {
  const found: Partial<Record<Clause, number>> = {};
  let end = tokens.length;
  let depth = 0;
  let nested = false;
  for (let at = start + 1; at < tokens.length; at += 1) {
    const token = tokens[at] as Token;
    if (isOperator(token, '(')) depth += 1;
    else if (isOperator(token, ')')) {
      depth -= 1;
      if (depth < 0) {
        end = at;
        nested = true;
        break;
      }
    } else if (depth === 0 && (isWord(token, 'UNION') || isOperator(token, ';'))) {
      if (isWord(token, 'UNION')) found.UNION = at;
      end = at;
      break;
    } else if (depth === 0 && token.kind === 'word') {
      const clause = clauses.find((name) => name === token.upper);
      if (clause !== undefined) found[clause] ??= at;
    }
  }
  const range = trim(tokens, { start, end });
  return {
    start,
    end: range.end,
    clauses: found,
    distinct: isWord(tokens[nextIndex(tokens, start)], 'DISTINCT'),
    nested,
  };
}

/** Index where a clause of a SELECT ends: at the next clause, or with the SELECT. */
export function clauseEnd(select: Select, clause: Clause): number {
  const start = select.clauses[clause] ?? select.end;
  return Math.min(select.end, ...Object.values(select.clauses).filter((at) => at > start));
}
