import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { maskSecrets, readSiteConfig, SiteConfigError } from '../../../runtime/site/config.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'config-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const base = { SITE_SLUG: 'aurora-letters', SITE_URL: 'https://aurora.example.com', CONTENT_PATH: '/content' };
const postgres = { ...base, DATABASE_CLIENT: 'postgres', DATABASE_HOST: 'db.internal', DATABASE_PASSWORD: 'secret' };

function problemsOf(env: Record<string, string>): string[] {
  try {
    readSiteConfig(env);
    return [];
  } catch (error) {
    if (!(error instanceof SiteConfigError)) throw error;
    return error.message.split('\n');
  }
}

describe("a site's configuration", () => {
  it('is a SQLite file named after the slug unless told otherwise', () => {
    expect(readSiteConfig(base).database).toEqual({
      client: 'sqlite',
      filename: '/content/data/aurora-letters-ghost.db',
    });
  });

  it('derives database, schema and role from the slug for both strategies of PostgreSQL', () => {
    expect(readSiteConfig(postgres).database).toMatchObject({
      strategy: 'database',
      database: 'ghost_site_aurora_letters',
      schema: 'public',
      user: 'site_aurora_letters',
    });
    expect(
      readSiteConfig({ ...postgres, DATABASE_STRATEGY: 'schema', DATABASE_NAME: 'ghost_sites' }).database,
    ).toMatchObject({
      strategy: 'schema',
      database: 'ghost_sites',
      schema: 'site_aurora_letters',
      user: 'site_aurora_letters',
    });
  });

  it('keeps statements prepared only where told to, and where no pooler stands before the server', () => {
    expect(readSiteConfig(postgres).database).toMatchObject({ preparedStatements: false });
    const prepared = { ...postgres, DATABASE_PREPARED_STATEMENTS: 'on' };
    expect(readSiteConfig(prepared).database).toMatchObject({ preparedStatements: true });
    expect(problemsOf({ ...prepared, DATABASE_DIRECT_PORT: '5433' })).toEqual([
      'DATABASE_PREPARED_STATEMENTS: expected off, since DATABASE_DIRECT_HOST and DATABASE_DIRECT_PORT say that a pooler stands before the server; got on',
    ]);
  });

  it('goes past the pooler where a direct endpoint is named', () => {
    const { database } = readSiteConfig({
      ...postgres,
      DATABASE_PORT: '6432',
      DATABASE_DIRECT_HOST: 'primary',
      DATABASE_DIRECT_PORT: '5432',
    });
    expect(database).toMatchObject({
      endpoint: { host: 'db.internal', port: 6432 },
      direct: { host: 'primary', port: 5432 },
    });
    expect(readSiteConfig(postgres).database).toMatchObject({ direct: { host: 'db.internal', port: 5432 } });
  });

  it('takes a variable or its file, never both, and never an empty file', () => {
    const file = path.join(dir, 'password');
    const empty = path.join(dir, 'empty');
    writeFileSync(file, 'from file\r\n');
    writeFileSync(empty, '\n');
    const { DATABASE_PASSWORD, ...rest } = postgres;
    expect(readSiteConfig({ ...rest, DATABASE_PASSWORD_FILE: file }).database).toMatchObject({ password: 'from file' });
    expect(problemsOf({ ...postgres, DATABASE_PASSWORD_FILE: file })).toEqual([
      'DATABASE_PASSWORD: expected either DATABASE_PASSWORD or DATABASE_PASSWORD_FILE; got both',
    ]);
    expect(problemsOf({ ...rest, DATABASE_PASSWORD_FILE: empty })).toEqual([
      `DATABASE_PASSWORD_FILE: expected a file with a value; got an empty file, ${empty}`,
    ]);
    expect(problemsOf({ ...rest, DATABASE_PASSWORD_FILE: '/nowhere' })).toEqual([
      'DATABASE_PASSWORD_FILE: expected a file that can be read; got /nowhere (ENOENT)',
    ]);
  });

  it('refuses combinations that cannot work', () => {
    expect(problemsOf({ ...base, DATABASE_STRATEGY: 'schema' })).toEqual([
      'DATABASE_STRATEGY: expected sqlite; got schema with DATABASE_CLIENT sqlite',
    ]);
    expect(problemsOf({ ...postgres, DATABASE_STRATEGY: 'schema' })).toEqual([
      'DATABASE_NAME: expected the name of a database; got nothing',
    ]);
    expect(problemsOf({ ...base, PORT: '3000', PROBE_PORT: '3000' })).toEqual([
      'PROBE_PORT: expected another port than PORT; got 3000',
    ]);
    expect(problemsOf({ ...base, SITE_URL: 'https://user:pw@example.com/?a' })).toHaveLength(1);
  });

  it('needs nothing where a developer runs one plain Ghost', () => {
    const config = readSiteConfig({ MULTISITE_ENABLED: 'false' });
    expect(config).toMatchObject({
      slug: 'default',
      multisite: false,
      url: 'http://localhost:2368',
      database: { client: 'sqlite' },
    });
  });

  it('never shows a secret', () => {
    const shown = JSON.stringify(maskSecrets(readSiteConfig({ ...postgres, MAIL_PASSWORD: 'of the mail' })));
    expect(shown).not.toMatch(/secret|of the mail/);
    expect(problemsOf({ ...postgres, DATABASE_PORT: 'x' }).join()).not.toContain('secret');
  });
});
