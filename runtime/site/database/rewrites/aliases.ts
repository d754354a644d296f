import { operator, type Token } from '../lexer.ts';
import {
  clauseEnd,
  isCall,
  isName,
  isOperator,
  isWord,
  nextIndex,
  type Range,
  type Select,
  splitAtCommas,
} from '../tokens.ts';
import { resultColumns } from './result-columns.ts';

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
  for (const { start, end, alias } of resultColumns(tokens, select)) {
    const last = tokens[end - 1];
    if (alias !== undefined && !(isName(last) && last.text === alias)) aliases.set(alias, tokens.slice(start, end));
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
