import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSiteChoice } from '../../../scripts/transfer/options.ts';
import { parseSourceAddress, readSourceAddress } from '../../../scripts/transfer/source-address.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'transfer-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function messageOf(run: () => unknown): string {
  try {
    run();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the address of a source', () => {
  it('is a MySQL database, a SQLite file or an export', () => {
    expect(parseSourceAddress('mysql://me:p%40ss%2F@db.internal/ghost?ssl=verify\n', 'a')).toEqual({
      kind: 'mysql',
      settings: { host: 'db.internal', port: 3306, user: 'me', password: 'p@ss/', database: 'ghost', ssl: 'verify' },
    });
    expect(parseSourceAddress('mariadb://me@[::1]:3307/ghost?socket=/run/db.sock', 'a')).toMatchObject({
      settings: { host: '::1', port: 3307, password: '', socketPath: '/run/db.sock', ssl: 'off' },
    });
    expect(parseSourceAddress('sqlite:data/ghost.db', 'a')).toEqual({ kind: 'sqlite', filename: 'data/ghost.db' });
    expect(parseSourceAddress('mira.ghost.json', 'a')).toEqual({ kind: 'export', file: 'mira.ghost.json' });
  });

  it.each([
    'mysql://me:hush%ZZ@host/db',
    'mysql://me:hush@host',
    'mysql://me:hush@host/db?hush=1&ssl=hush2',
    'mysql://me:hush@ho st/db',
    'postgres://me:hush@host/db',
    'me:hush@host/db',
  ])('is refused without repeating %s', (text) => {
    const message = messageOf(() => parseSourceAddress(text, '--from'));
    expect(message).toMatch(/^--from: expected /);
    expect(message).not.toMatch(/me:|hush@|hush%/);
  });

  it('is given in one place', () => {
    const file = path.join(dir, 'from');
    writeFileSync(file, 'sqlite:a.db\n');
    const none = { from: undefined, fromFile: undefined };
    expect(readSourceAddress({ ...none, fromFile: file }, {})).toEqual({ kind: 'sqlite', filename: 'a.db' });
    expect(readSourceAddress(none, { SITE_IMPORT_FROM: 'b.json' })).toEqual({ kind: 'export', file: 'b.json' });
    expect(messageOf(() => readSourceAddress(none, {}))).toMatch(/got none$/);
    expect(messageOf(() => readSourceAddress({ from: 'a.json', fromFile: file }, {}))).toMatch(
      /--from and --from-file$/,
    );
    expect(messageOf(() => readSourceAddress({ ...none, fromFile: `${file}x` }, {}))).toMatch(
      /got .*fromx \(ENOENT\)$/,
    );
  });
});

describe('the site of a transfer', () => {
  it('is one slug on a known strategy', () => {
    const values = { sites: 'sites', database: 'schema', environment: false };
    expect(readSiteChoice(values, ['aurora'], { GHOST_FLEET_STATE: '/state' })).toMatchObject({
      slug: 'aurora',
      database: 'schema',
      stateDir: '/state',
    });
    expect(messageOf(() => readSiteChoice({ ...values, database: 'mysql' }, ['a', 'b'], {})).split('\n')).toEqual([
      '<slug>: expected one; got a b',
      '--database: expected one of sqlite, schema, database; got "mysql"',
    ]);
  });
});
