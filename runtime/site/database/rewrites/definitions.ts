import { raw, type Token } from '../lexer.ts';
import { closingIndex, isName, isOperator, isWord, nextIndex, previousIndex, splitAtCommas } from '../tokens.ts';
import { nullsOf } from './selects.ts';

/** `CREATE [OR REPLACE] [ALGORITHM = …] [DEFINER = …] [SQL SECURITY …] VIEW`: Ghost 6.50 and newer. */
export function dropViewOptions(tokens: Token[]): void {
  const view = tokens.findIndex((token) => isWord(token, 'VIEW'));
  const option = tokens.findIndex((token) => isWord(token, 'ALGORITHM', 'DEFINER', 'SQL'));
  if (view >= 0 && option >= 0 && option < view) tokens.splice(option, view - option);
}

/**
 * `ALTER TABLE …, ALGORITHM=INPLACE, LOCK=NONE`: how MySQL is to change the table; Ghost's migrations since 5. They put it
 * behind everything that a column brings, its index too.
 */
export function dropOnlineOptions(tokens: Token[]): void {
  for (let at = tokens.length - 1; at > 0; at -= 1) {
    const comma = previousIndex(tokens, at);
    if (isWord(tokens[at], 'ALGORITHM', 'LOCK') && isOperator(tokens[comma], ',')) {
      tokens.splice(comma, nextIndex(tokens, nextIndex(tokens, at)) - comma + 1);
    }
  }
}

/** `INDEX i (col (31))`: MySQL indexes the first characters, PostgreSQL the whole value (Ghost since 6.47). */
export function dropIndexPrefixes(tokens: Token[]): void {
  const create = tokens.some((token) => isWord(token, 'INDEX', 'UNIQUE'));
  if (!create) return;
  for (let at = tokens.length - 1; at > 0; at -= 1) {
    const length = nextIndex(tokens, at);
    const close = nextIndex(tokens, length);
    const numeric = tokens[length]?.kind === 'number' || tokens[length]?.kind === 'parameter';
    const column = tokens[previousIndex(tokens, at)];
    if (
      isOperator(tokens[at], '(') &&
      numeric &&
      isOperator(tokens[close], ')') &&
      isName(column) &&
      column.kind === 'identifier'
    ) {
      tokens.splice(at, close - at + 1);
    }
  }
}

/**
 * `ADD CONSTRAINT … FOREIGN KEY`: a key that can be deferred is one that `SET FOREIGN_KEY_CHECKS = 0` reaches (migrations
 * that change a referenced table, resets); until then it is checked at once, as MySQL does.
 */
export function deferForeignKeys(tokens: Token[]): void {
  const add = tokens.findIndex((token) => isWord(token, 'ADD'));
  const key = tokens.findIndex((token, at) => isWord(token, 'FOREIGN') && isWord(tokens[nextIndex(tokens, at)], 'KEY'));
  if (add >= 0 && key > add) tokens.splice(statementEnd(tokens), 0, raw(' DEFERRABLE INITIALLY IMMEDIATE'));
}

/** Index after the last token of a statement, its semicolon left out. */
function statementEnd(tokens: readonly Token[]): number {
  const last = previousIndex(tokens, tokens.length);
  return isOperator(tokens[last], ';') ? last : last + 1;
}

/**
 * `CREATE INDEX`: NULL stands where {@link nullsOf} puts it in an ORDER BY, so that the index serves the order (posts by
 * `published_at`, newest first).
 */
export function orderIndexedNulls(tokens: Token[]): void {
  const index = tokens.findIndex((token) => isWord(token, 'INDEX'));
  const on = tokens.findIndex((token, at) => at > index && isWord(token, 'ON'));
  const open = tokens.findIndex((token, at) => at > on && isOperator(token, '('));
  if (index < 0 || on < 0 || open < 0) return;
  const columns = splitAtCommas(tokens, { start: open + 1, end: closingIndex(tokens, open) });
  for (const { start, end } of columns.reverse()) {
    const nulls = nullsOf(tokens.slice(start, end));
    if (nulls !== undefined) tokens.splice(end, 0, raw(nulls));
  }
}
