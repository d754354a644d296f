import { type Token, tokenize } from './lexer.ts';
import { expandAliases } from './rewrites/aliases.ts';
import {
  deferForeignKeys,
  dropIndexPrefixes,
  dropOnlineOptions,
  dropViewOptions,
  orderIndexedNulls,
} from './rewrites/definitions.ts';
import { nameCallColumns, rewriteExpressions } from './rewrites/expressions.ts';
import { pickUngrouped } from './rewrites/grouping.ts';
import { completeOrder, dropOrderOfCounts, fitLocks, orderNulls, swapLimits } from './rewrites/selects.ts';
import { rewriteInsertIgnore, rewriteUpsert, typeCaseAssignments, unqualifyAssignments } from './rewrites/writes.ts';
import { literal, name, replaceStatement } from './statements.ts';
import { findSelects, type Select } from './tokens.ts';

/** What a statement does, as far as its execution depends on it. */
export type StatementKind = 'read' | 'inspection' | 'write' | 'definition' | 'transaction' | 'other';

/** A statement of MySQL in PostgreSQL's words. */
export interface Translation {
  readonly kind: StatementKind;
  /** Text before, between and after the placeholders: one more than {@link parameters}. */
  readonly segments: readonly string[];
  /** For each placeholder in the order of the new text, its index among the bindings. */
  readonly parameters: readonly number[];
  /** The text with `$1 … $n`, for bindings without lists. */
  readonly sql: string;
  /** Whether equal bindings must become one placeholder: PostgreSQL compares GROUP BY expressions by their text. */
  readonly mergeEqualBindings: boolean;
}

/**
 * Translates statements and remembers what it translated, by text. A statement seen before costs one look-up.
 */
export class Translator {
  readonly #seen = new Map<string, Translation>();
  /** Ghost sends some hundred different texts; lists of ids of any length make the rest. */
  static readonly capacity = 5_000;
  static readonly longestRemembered = 20_000;

  translate(sql: string): Translation {
    const known = this.#seen.get(sql);
    if (known !== undefined) return known;
    const translation = translate(sql);
    if (this.#seen.size >= Translator.capacity) this.#seen.clear();
    if (sql.length <= Translator.longestRemembered) this.#seen.set(sql, translation);
    return translation;
  }
}

export function translate(sql: string): Translation {
  const replaced = replaceStatement(sql);
  if (replaced !== undefined) return whole(replaced, /^create/.test(replaced) ? 'definition' : 'inspection');
  const tokens = tokenize(sql);
  const first = tokens.findIndex((token) => token.kind !== 'space');
  const head = tokens[first]?.upper ?? '';
  const kind = kindOf(head);
  if (kind === 'transaction') return whole(sql, kind);
  const definition = kind === 'definition';
  if (definition) {
    if (head === 'CREATE') dropViewOptions(tokens);
    if (head === 'ALTER' || head === 'CREATE') dropOnlineOptions(tokens);
    if (head === 'ALTER') deferForeignKeys(tokens);
    dropIndexPrefixes(tokens);
    if (head === 'CREATE') orderIndexedNulls(tokens);
  }
  if (head === 'INSERT' || head === 'REPLACE') {
    rewriteUpsert(tokens);
    rewriteInsertIgnore(tokens, first);
  }
  if (head === 'UPDATE') {
    unqualifyAssignments(tokens);
    typeCaseAssignments(tokens);
  }
  let grouped = false;
  // A view keeps what it was given: whoever reads from it orders its rows.
  if (!definition) grouped = rewriteSelects(tokens);
  orderNulls(tokens);
  rewriteExpressions(tokens, definition);
  return { ...emit(tokens), kind, mergeEqualBindings: grouped };
}

/** @returns whether any SELECT groups rows */
function rewriteSelects(tokens: Token[]): boolean {
  swapLimits(tokens);
  let grouped = false;
  const rewrites: ((tokens: Token[], select: Select) => void)[] = [
    expandAliases,
    pickUngrouped,
    dropOrderOfCounts,
    fitLocks,
    completeOrder,
    nameCallColumns,
  ];
  for (const rewrite of rewrites) {
    // Found anew for each rewrite, since each moves what follows.
    for (const select of findSelects(tokens)) {
      grouped ||= select.clauses.GROUP !== undefined;
      rewrite(tokens, select);
    }
  }
  return grouped;
}

function kindOf(head: string): StatementKind {
  if (['SELECT', 'WITH', 'SHOW', 'EXPLAIN', 'VALUES'].includes(head)) return 'read';
  if (['INSERT', 'UPDATE', 'DELETE', 'REPLACE'].includes(head)) return 'write';
  if (['CREATE', 'ALTER', 'DROP', 'COMMENT', 'RENAME'].includes(head)) return 'definition';
  if (['BEGIN', 'START', 'COMMIT', 'ROLLBACK', 'SAVEPOINT', 'RELEASE'].includes(head)) return 'transaction';
  return 'other';
}

function emit(tokens: readonly Token[]): Pick<Translation, 'segments' | 'parameters' | 'sql'> {
  const segments: string[] = [];
  const parameters: number[] = [];
  let text = '';
  for (const token of tokens) {
    if (token.kind === 'parameter') {
      segments.push(text);
      parameters.push(token.index);
      text = '';
    } else if (token.kind === 'string') text += literal(token.text.replaceAll('\0', ''));
    else text += token.kind === 'identifier' ? name(token.text) : token.text;
  }
  segments.push(text);
  return {
    segments,
    parameters,
    sql: joinSegments(
      segments,
      parameters.map((_, at) => `$${at + 1}`),
    ),
  };
}

/** The text of a translation with something in the place of each placeholder. */
export function joinSegments(segments: readonly string[], fillings: readonly string[]): string {
  return segments.reduce((text, segment, at) => text + (fillings[at - 1] ?? '') + segment);
}

function whole(sql: string, kind: StatementKind): Translation {
  const [before = '', after] = sql.split('$1');
  const bound = after !== undefined;
  return {
    kind,
    segments: bound ? [before, after] : [sql],
    parameters: bound ? [0] : [],
    sql,
    mergeEqualBindings: false,
  };
}
