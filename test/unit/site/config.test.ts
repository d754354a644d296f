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

  it('keeps media in a bucket where one is named, under a prefix of its own', () => {
    expect(readSiteConfig(base).media).toBeUndefined();
    const bucket = { ...base, S3_BUCKET: 'media', S3_PUBLIC_URL: 'https://cdn.example.com/media/' };
    // On AWS neither endpoint nor keys are told: the SDK finds both.
    expect(readSiteConfig(bucket).media).toEqual({
      bucket: 'media',
      prefix: 'aurora-letters/',
      publicUrl: 'https://cdn.example.com/media',
      endpoint: undefined,
      region: 'us-east-1',
      credentials: undefined,
    });
    const compatible = { S3_ENDPOINT: 'http://10.0.0.7:7070', S3_REGION: 'eu-central-1', S3_PREFIX: 'sites/aurora/' };
    expect(readSiteConfig({ ...bucket, ...compatible }).media).toMatchObject({
      endpoint: 'http://10.0.0.7:7070',
      region: 'eu-central-1',
      prefix: 'sites/aurora/',
    });
  });

  it("takes a bucket's keys from files, both or neither", () => {
    const bucket = { ...base, S3_BUCKET: 'media', S3_PUBLIC_URL: 'https://cdn.example.com' };
    const [id, secret] = [path.join(dir, 'access-key-id'), path.join(dir, 'secret-access-key')];
    writeFileSync(id, 'of aurora\n');
    writeFileSync(secret, 'hidden\n');
    const files = { S3_ACCESS_KEY_ID_FILE: id, S3_SECRET_ACCESS_KEY_FILE: secret };
    expect(readSiteConfig({ ...bucket, ...files }).media?.credentials).toEqual({
      accessKeyId: 'of aurora',
      secretAccessKey: 'hidden',
    });
    const half = ['S3_ACCESS_KEY_ID: expected both it and S3_SECRET_ACCESS_KEY, or neither; got one of them'];
    expect(problemsOf({ ...bucket, S3_ACCESS_KEY_ID: 'of aurora' })).toEqual(half);
    expect(problemsOf({ ...bucket, S3_SECRET_ACCESS_KEY_FILE: secret })).toEqual(half);
    expect(problemsOf({ ...bucket, ...files, S3_SECRET_ACCESS_KEY: 'hidden' })).toContain(
      'S3_SECRET_ACCESS_KEY: expected either S3_SECRET_ACCESS_KEY or S3_SECRET_ACCESS_KEY_FILE; got both',
    );
  });

  it('names everything that is wrong with a bucket at once', () => {
    expect(problemsOf({ ...base, S3_BUCKET: 'media' })).toEqual([
      'S3_PUBLIC_URL: expected the URL where objects can be read; got nothing',
    ]);
    const wrong = { S3_ENDPOINT: '10.0.0.7:7070', S3_PREFIX: '/aurora', S3_PUBLIC_URL: 'https://cdn.example.com/?v=1' };
    expect(problemsOf({ ...base, S3_BUCKET: 'media', ...wrong })).toEqual([
      'S3_ENDPOINT: expected a URL such as https://s3.example.com; got "10.0.0.7:7070"',
      'S3_PREFIX: expected a prefix that ends in /; got "/aurora"',
      'S3_PUBLIC_URL: expected the URL where objects can be read; got "https://cdn.example.com/?v=1"',
    ]);
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
    const bucket = { S3_BUCKET: 'media', S3_PUBLIC_URL: 'https://cdn.example.com', S3_ACCESS_KEY_ID: 'aurora' };
    const secrets = { MAIL_PASSWORD: 'of the mail', S3_SECRET_ACCESS_KEY: 'of the bucket' };
    const shown = JSON.stringify(maskSecrets(readSiteConfig({ ...postgres, ...bucket, ...secrets })));
    expect(shown).toContain('"accessKeyId":"aurora"');
    expect(shown).not.toMatch(/:"secret"|of the mail|of the bucket/);
    expect(problemsOf({ ...postgres, DATABASE_PORT: 'x' }).join()).not.toContain('secret');
  });
});
