import { identifier, operator, raw, space, type Token, word } from '../lexer.ts';
import { eachOutside, isCall, isName, isOperator, isWord, nextIndex, splitAtCommas } from '../tokens.ts';

/** `UPDATE t SET t.c = …`: PostgreSQL forbids the qualifier (bookshelf's relations). */
export function unqualifyAssignments(tokens: Token[]): void {
  const set = tokens.findIndex((token) => isWord(token, 'SET'));
  if (set < 0) return;
  let end = tokens.length;
  eachOutside(tokens, { start: set + 1, end: tokens.length }, (token, at) => {
    if (!isWord(token, 'WHERE', 'ORDER', 'LIMIT')) return false;
    end = at;
    return true;
  });
  for (const part of splitAtCommas(tokens, { start: set + 1, end }).reverse()) {
    const dot = nextIndex(tokens, part.start);
    const column = nextIndex(tokens, dot);
    if (
      isName(tokens[part.start]) &&
      isOperator(tokens[dot], '.') &&
      isName(tokens[column]) &&
      isOperator(tokens[nextIndex(tokens, column)], '=')
    ) {
      tokens.splice(part.start, column - part.start);
    }
  }
}

/**
 * `UPDATE t SET c = CASE id WHEN … THEN '…' END`: the branches are text to PostgreSQL, the column is not (bulk edits of
 * dates). A branch that never matches, with `c` itself, gives the expression its type.
 */
export function typeCaseAssignments(tokens: Token[]): void {
  for (let at = tokens.length - 1; at > 0; at -= 1) {
    if (!isWord(tokens[at], 'CASE') || !isOperator(previousToken(tokens, at), '=')) continue;
    const equals = tokens.lastIndexOf(previousToken(tokens, at) as Token, at);
    const column = previousToken(tokens, equals);
    if (!isName(column)) continue;
    let depth = 0;
    let hasElse = false;
    for (let end = at; end < tokens.length; end += 1) {
      if (isWord(tokens[end], 'CASE')) depth += 1;
      else if (isWord(tokens[end], 'ELSE') && depth === 1) hasElse = true;
      else if (isWord(tokens[end], 'END')) {
        depth -= 1;
        if (depth > 0) continue;
        if (!hasElse)
          tokens.splice(
            end,
            0,
            word('WHEN'),
            space,
            raw('NULL'),
            space,
            word('THEN'),
            space,
            identifier(column.text),
            space,
          );
        break;
      }
    }
  }
}

function previousToken(tokens: readonly Token[], at: number): Token | undefined {
  for (let index = at - 1; index >= 0; index -= 1) if (tokens[index]?.kind !== 'space') return tokens[index];
  return undefined;
}

/** `INSERT IGNORE` → `ON CONFLICT DO NOTHING` (member import, email recipients). */
export function rewriteInsertIgnore(tokens: Token[], insert: number): void {
  const at = nextIndex(tokens, insert);
  if (!isWord(tokens[at], 'IGNORE')) return;
  tokens.splice(at, 1);
  tokens.push(raw(' ON CONFLICT DO NOTHING'));
}

/**
 * `INSERT … ON DUPLICATE KEY UPDATE c = VALUES(c)`: MySQL means whichever unique key collides, PostgreSQL wants it named.
 * The table's first inserted column is the key in everything that Ghost sends so (`brute`, settings, statistics).
 */
export function rewriteUpsert(tokens: Token[]): void {
  const on = tokens.findIndex((token, at) => isWord(token, 'ON') && isWord(tokens[nextIndex(tokens, at)], 'DUPLICATE'));
  if (on < 0) return;
  const update = tokens.findIndex((token, at) => at > on && isWord(token, 'UPDATE'));
  const into = tokens.findIndex((token) => isWord(token, 'INTO'));
  const open = tokens.findIndex((token, at) => at > into && isOperator(token, '('));
  const key = tokens[nextIndex(tokens, open)];
  if (update < 0 || !isName(key)) return;
  tokens.splice(on, update - on + 1, raw('ON CONFLICT ('), identifier(key.text), raw(') DO UPDATE SET'));
  for (let at = on; at < tokens.length; at += 1) {
    if (!isWord(tokens[at], 'VALUES') || !isCall(tokens, at)) continue;
    const column = tokens[nextIndex(tokens, nextIndex(tokens, at))];
    const close = nextIndex(tokens, nextIndex(tokens, nextIndex(tokens, at)));
    if (isName(column)) tokens.splice(at, close - at + 1, word('excluded'), operator('.'), identifier(column.text));
  }
}
