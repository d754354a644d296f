import type { Token } from '../lexer.ts';
import { isName, isWord, nextIndex, previousIndex, type Range, type Select, splitAtCommas } from '../tokens.ts';

/** A column of a SELECT's result: the range of its expression, and its alias where it has one. */
export interface ResultColumn extends Range {
  readonly alias: string | undefined;
}

export function resultColumns(tokens: readonly Token[], select: Select): ResultColumn[] {
  const list = { start: nextIndex(tokens, select.start), end: select.clauses.FROM ?? select.end };
  return splitAtCommas(tokens, list).map((column) => {
    const name = tokens[column.end - 1];
    const as = previousIndex(tokens, column.end - 1);
    if (!isName(name) || !isWord(tokens[as], 'AS')) return { ...column, alias: undefined };
    return { start: column.start, end: previousIndex(tokens, as) + 1, alias: name.text };
  });
}
