import { operator, type Token } from '../lexer.ts';
import {
  clauseEnd,
  isCall,
  isName,
  isOperator,
  isWord,
  nextIndex,
  previousIndex,
  type Range,
  type Select,
  splitAtCommas,
} from '../tokens.ts';

/**
 * MySQL knows the aliases of the columns in HAVING (`having count > 1` of the migration that deletes double offer
 * redemptions) and inside of expressions in ORDER BY; PostgreSQL only as a whole key of ORDER BY. There the expression
 * takes the alias's place.
 */
export function expandAliases(tokens: Token[], select: Select): void {
  const { HAVING, ORDER } = select.clauses;
  if (HAVING === undefined && ORDER === undefined) return;
  const aliases = aliasesOf(tokens, select);
  if (aliases.size === 0) return;
  if (ORDER !== undefined) {
    const start = nextIndex(tokens, ORDER) + 1;
    const keys = splitAtCommas(tokens, { start, end: clauseEnd(select, 'ORDER') });
    for (const key of keys.reverse()) {
      const written = tokens.slice(key.start, key.end).filter((token) => token.kind !== 'space');
      const isWhole = written.length === 1 || (written.length === 2 && isWord(written[1], 'ASC', 'DESC'));
      if (!isWhole) expandIn(tokens, key, aliases);
    }
  }
  if (HAVING !== undefined) expandIn(tokens, { start: HAVING + 1, end: clauseEnd(select, 'HAVING') }, aliases);
}

/** What each alias of a SELECT's columns stands for; a column that keeps its own name has none. */
function aliasesOf(tokens: readonly Token[], select: Select): Map<string, readonly Token[]> {
  const aliases = new Map<string, readonly Token[]>();
  const range = { start: nextIndex(tokens, select.start), end: select.clauses.FROM ?? select.end };
  for (const column of splitAtCommas(tokens, range)) {
    const name = tokens[column.end - 1];
    const as = previousIndex(tokens, column.end - 1);
    const last = tokens[previousIndex(tokens, as)];
    if (!isName(name) || !isWord(tokens[as], 'AS') || (isName(last) && last.text === name.text)) continue;
    aliases.set(name.text, tokens.slice(column.start, previousIndex(tokens, as) + 1));
  }
  return aliases;
}

function expandIn(tokens: Token[], range: Range, aliases: ReadonlyMap<string, readonly Token[]>): void {
  for (let at = range.end - 1; at >= range.start; at -= 1) {
    const token = tokens[at];
    const expression = isName(token) ? aliases.get(token.text) : undefined;
    if (expression === undefined || isCall(tokens, at)) continue;
    if (isOperator(tokens[at - 1], '.') || isOperator(tokens[at + 1], '.')) continue;
    tokens.splice(at, 1, operator('('), ...expression, operator(')'));
  }
}
