/**
 * What a token is. `raw` is text that a rewrite made: it is emitted as it stands and no later rewrite looks into it.
 */
export type TokenKind = 'space' | 'string' | 'identifier' | 'word' | 'number' | 'parameter' | 'operator' | 'raw';

export interface Token {
  readonly kind: TokenKind;
  /** Text without quotes and escapes for `string` and `identifier`, as written otherwise. */
  readonly text: string;
  /** `text` in upper case for `word`, empty otherwise. */
  readonly upper: string;
  /** Index among the statement's placeholders for `parameter`, -1 otherwise. */
  readonly index: number;
}

const threeCharacters = new Set(['<=>']);
const twoCharacters = new Set(['<=', '>=', '<>', '!=', '||', '&&', '::', ':=', '->']);
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', 0: '\0', b: '\b', Z: '\x1a' };

export function word(text: string): Token {
  return { kind: 'word', text, upper: text.toUpperCase(), index: -1 };
}

export function operator(text: string): Token {
  return { kind: 'operator', text, upper: '', index: -1 };
}

export function identifier(text: string): Token {
  return { kind: 'identifier', text, upper: '', index: -1 };
}

export function raw(text: string): Token {
  return { kind: 'raw', text, upper: '', index: -1 };
}

export const space: Token = { kind: 'space', text: ' ', upper: '', index: -1 };

/**
 * Splits a statement by MySQL's lexical rules: `'x'` and `"x"` are strings with backslash escapes, `` `x` `` is an
 * identifier, `?` is a placeholder outside of both, comments and white space become one space.
 *
 * @see https://dev.mysql.com/doc/refman/8.0/en/string-literals.html
 */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let parameters = 0;
  let at = 0;
  while (at < sql.length) {
    const char = sql[at] as string;
    const blank = skipBlank(sql, at);
    if (blank > at) {
      if (tokens.at(-1)?.kind !== 'space') tokens.push(space);
      at = blank;
    } else if (char === "'" || char === '"') {
      const [text, end] = readString(sql, at);
      tokens.push({ kind: 'string', text, upper: '', index: -1 });
      at = end;
    } else if (char === '`') {
      const [text, end] = readIdentifier(sql, at);
      tokens.push(identifier(text));
      at = end;
    } else if (/[A-Za-z_@$\u0080-\uffff]/.test(char)) {
      const end = scan(sql, at, /[A-Za-z0-9_@$\u0080-\uffff]/);
      tokens.push(word(sql.slice(at, end)));
      at = end;
    } else if (/[0-9]/.test(char)) {
      const end = at + (/^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/.exec(sql.slice(at, at + 64))?.[0].length ?? 1);
      tokens.push({ kind: 'number', text: sql.slice(at, end), upper: '', index: -1 });
      at = end;
    } else if (char === '\\' && sql[at + 1] === '?') {
      // knex's escape for a question mark that is no placeholder.
      tokens.push(operator('?'));
      at += 2;
    } else if (char === '?') {
      tokens.push({ kind: 'parameter', text: '?', upper: '', index: parameters });
      parameters += 1;
      at += 1;
    } else {
      const three = sql.slice(at, at + 3);
      const two = sql.slice(at, at + 2);
      const text = threeCharacters.has(three) ? three : twoCharacters.has(two) ? two : char;
      tokens.push(operator(text));
      at += text.length;
    }
  }
  return tokens;
}

function skipBlank(sql: string, start: number): number {
  let at = start;
  for (;;) {
    const char = sql[at];
    if (char === undefined) return at;
    if (char <= ' ') at += 1;
    else if (char === '#' || (char === '-' && sql[at + 1] === '-' && (sql[at + 2] ?? ' ') <= ' ')) {
      const end = sql.indexOf('\n', at);
      at = end < 0 ? sql.length : end + 1;
    } else if (char === '/' && sql[at + 1] === '*') {
      const end = sql.indexOf('*/', at + 2);
      at = end < 0 ? sql.length : end + 2;
    } else return at;
  }
}

function scan(sql: string, start: number, allowed: RegExp): number {
  let at = start + 1;
  while (at < sql.length && allowed.test(sql[at] as string)) at += 1;
  return at;
}

function readString(sql: string, start: number): [string, number] {
  const quote = sql[start];
  let text = '';
  let at = start + 1;
  for (; at < sql.length; at += 1) {
    const char = sql[at] as string;
    if (char === '\\') {
      at += 1;
      const escaped = sql[at] ?? '';
      // \% and \_ stay escaped: they mean something to LIKE.
      text += escaped === '%' || escaped === '_' ? `\\${escaped}` : (escapes[escaped] ?? escaped);
    } else if (char === quote) {
      if (sql[at + 1] !== quote) return [text, at + 1];
      text += char;
      at += 1;
    } else text += char;
  }
  return [text, at];
}

function readIdentifier(sql: string, start: number): [string, number] {
  let text = '';
  let at = start + 1;
  for (; at < sql.length; at += 1) {
    if (sql[at] !== '`') text += sql[at];
    else if (sql[at + 1] === '`') {
      text += '`';
      at += 1;
    } else return [text, at + 1];
  }
  return [text, at];
}
