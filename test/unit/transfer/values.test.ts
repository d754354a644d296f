import { describe, expect, it } from 'vitest';
import { TableDigest } from '../../../runtime/database/transfer/digest.ts';
import { type CanonicalValue, canonicalise, type ValueChange } from '../../../runtime/database/transfer/values.ts';

function digestOf(...rows: CanonicalValue[][]): string {
  const digest = new TableDigest();
  for (const row of rows) digest.add(row);
  return `${digest.rows} ${digest.checksum}`;
}

describe('a canonical value', () => {
  it.each([
    [true, '1'],
    [0, '0'],
    [1n, '1'],
    ['1', '1'],
    ['-0', '0'],
    ['007', '7'],
    ['9223372036854775807', '9223372036854775807'],
    [9223372036854775807n, '9223372036854775807'],
  ])('of the whole number %o is %s', (given, expected) => expect(canonicalise('integer', given)).toBe(expected));

  it.each([
    ['2026-02-28 23:59:59', '2026-02-28 23:59:59'],
    ['2026-02-28T23:59:59.000Z', '2026-02-28 23:59:59'],
    ['2026-02-28T23:59:59+02:00', '2026-02-28 21:59:59'],
    ['2026-02-28', '2026-02-28 00:00:00'],
    [1_772_323_199_000, '2026-02-28 23:59:59'],
    [1_772_323_199_000n, '2026-02-28 23:59:59'],
    ['1772323199000', '2026-02-28 23:59:59'],
    [new Date(1_772_323_199_000), '2026-02-28 23:59:59'],
    ['1969-12-31 23:59:59', '1969-12-31 23:59:59'],
  ])('of the instant %o is %s', (given, expected) => expect(canonicalise('time', given)).toBe(expected));

  it.each([
    [0.1, '0.1'],
    ['12.50', '12.5'],
    ['-0.000', '0'],
    [3n, '3'],
  ])('of the decimal %o is %s', (given, expected) => expect(canonicalise('decimal', given)).toBe(expected));

  it('of bytes is the same from every driver and from JSON', () => {
    const bytes = Buffer.from([0, 92, 255]);
    const given = [bytes, new Uint8Array(bytes), '\\x005CFF', JSON.parse(JSON.stringify(bytes))];
    expect(given.map((value) => canonicalise('binary', value))).toEqual(['005cff', '005cff', '005cff', '005cff']);
  });

  it.each(['NULL', 'back\\slash', '', ' blanks ', 'nul\0', '👩‍🚀', '\\x00'])('of the text %j is itself', (text) =>
    expect(canonicalise('text', text)).toBe(text),
  );

  it('rounds an instant to the second, as MySQL does, and says so', () => {
    const changes: ValueChange[] = [];
    const rounded = canonicalise('time', '2026-12-31T23:59:59.500Z', (change) => changes.push(change));
    expect([rounded, ...changes]).toEqual(['2027-01-01 00:00:00', 'fraction']);
  });

  it.each([
    ['integer', 'true', 'a whole number'],
    ['integer', 1.5, 'a whole number'],
    ['integer', '', 'a whole number'],
    ['decimal', ' ', 'a number'],
    ['decimal', 'NaN', 'a number'],
    ['time', '0000-00-00 00:00:00', 'a date and time'],
    ['time', '2026-02-30 00:00:00', 'a date and time'],
    ['time', 'yesterday', 'a date and time'],
    ['time', 9e15, 'a date and time'],
    ['text', Buffer.from('x'), 'text'],
    ['binary', 'plain', 'bytes'],
  ] as const)('is refused for %s %o', (kind, given, expected) =>
    expect(() => canonicalise(kind, given)).toThrow(`expected ${expected}; got `),
  );

  it('of nothing is nothing, whatever the column', () => {
    expect(['text', 'integer', 'time'].map((kind) => canonicalise(kind as 'text', null))).toEqual([null, null, null]);
  });
});

describe("a table's checksum", () => {
  it('does not depend on the order of rows', () => {
    expect(digestOf(['a', '1'], ['b', null])).toBe(digestOf(['b', null], ['a', '1']));
  });

  it('tells NULL from its name, columns from each other, and a row from the same row twice', () => {
    expect(digestOf([null])).not.toBe(digestOf(['NULL']));
    expect(digestOf([null])).not.toBe(digestOf(['~']));
    expect(digestOf(['a', 'bc'])).not.toBe(digestOf(['ab', 'c']));
    expect(digestOf(['1:a', ''])).not.toBe(digestOf(['', '1:a']));
    expect(digestOf(['a'], ['a'], ['b']).split(' ')[1]).not.toBe(digestOf(['b']).split(' ')[1]);
  });
});
