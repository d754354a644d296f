import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PlatformConfigError, readPlatformConfig } from '../../../runtime/platform/config.ts';
import { toCsv } from '../../../runtime/platform/web/csv.ts';

const sound = {
  PLATFORM_URL: 'http://platform.localhost:8080',
  DATABASE_HOST: 'db.example.com',
  DATABASE_PASSWORD: 'a password of the database',
  SESSION_SECRET: 'a secret of at least thirty-two characters',
};

describe("the platform's environment", () => {
  it('needs little on a machine of its own', () => {
    const config = readPlatformConfig(sound);
    expect(config).toMatchObject({
      port: 3000,
      probePort: undefined,
      redis: undefined,
      mail: undefined,
      provisioning: { kind: 'none' },
    });
    expect(config.database).toMatchObject({
      host: 'db.example.com',
      port: 5432,
      name: 'platform',
      user: 'platform_app',
    });
  });

  it('is read whole', () => {
    const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const config = readPlatformConfig({
      ...sound,
      PLATFORM_URL: 'https://platform.example.com',
      PROBE_PORT: '2369',
      MAIL_HOST: 'smtp.example.com',
      MAIL_FROM: 'platform@example.com',
      REDIS_URL: 'rediss://user:p%40ss@redis.example.com',
      SIGN_IN_KEY: key,
      ANALYTICS_KEY: 'a key of at least thirty-two characters',
      SITES_SERVERS: '{"eu-1": {"host": "pooler.example.com", "port": 6432}}',
      PROVISIONING: 'git',
      SITES_CHECKOUT: '/srv/registry',
      SITES_STACK: 'production',
      SITES_SHARDS: '4',
      PLATFORM_STAFF: 'Ann@example.com, bob@example.com',
    });
    expect(config.redis).toEqual({ host: 'redis.example.com', port: 6379, tls: true, user: 'user', password: 'p@ss' });
    expect(config.provisioning).toMatchObject({ kind: 'git', stack: 'production', shards: 4, branch: 'main' });
    expect(config.analytics?.servers['eu-1']).toMatchObject({ host: 'pooler.example.com', ssl: 'off' });
    expect(config.staff.map(({ email, role }) => `${role} ${email}`)).toEqual([
      'staff ann@example.com',
      'staff bob@example.com',
    ]);
  });

  it('may name a repository elsewhere, whose URL holds no credentials', () => {
    const repository = { PROVISIONING: 'repository', SITES_STACK: 'production', SITES_REPOSITORY_TOKEN: 'a token' };
    const read = (url: string) => readPlatformConfig({ ...sound, ...repository, SITES_REPOSITORY: url }).provisioning;
    const url = 'https://git.example.com/fleet.git';
    const place = { url, branch: 'main', folder: 'sites', stack: 'production', shards: 0 };
    expect(read(url)).toEqual({ kind: 'repository', user: 'x-access-token', token: 'a token', ...place });
    expect(() => read('https://ops:hunter2@git.example.com/fleet.git')).toThrow(
      /^SITES_REPOSITORY: expected the URL of .* without credentials; got one with credentials$/,
    );
  });

  it('that is wrong is named at once, without a secret', () => {
    const wrong = {
      PLATFORM_URL: 'https://platform.example.com',
      DATABASE_PORT: 'x',
      DATABASE_PASSWORD: 'hunter2',
      SESSION_SECRET: 'too short a secret',
      REDIS_URL: 'http://:hunter3@redis',
      SIGN_IN_KEY: 'hunter4',
      ANALYTICS_KEY: 'hunter5',
      SITES_SERVERS: '{"eu-1": {"host": 1}}',
      PROVISIONING: 'git',
      PLATFORM_ADMINS: 'nobody',
      BILLING_GRACE_DAYS: '0',
    };
    const error = (() => {
      try {
        readPlatformConfig(wrong);
      } catch (thrown) {
        return thrown as PlatformConfigError;
      }
      throw new Error('nothing was refused');
    })();
    expect(error).toBeInstanceOf(PlatformConfigError);
    const named = error.problems.map(({ variable }) => variable).sort();
    expect(named).toEqual([
      'ANALYTICS_KEY',
      'BILLING_GRACE_DAYS',
      'DATABASE_HOST',
      'DATABASE_PORT',
      'MAIL_HOST',
      'PLATFORM_ADMINS',
      'REDIS_URL',
      'SESSION_SECRET',
      'SIGN_IN_KEY',
      'SITES_CHECKOUT',
      'SITES_SERVERS',
      'SITES_STACK',
    ]);
    expect(error.message).not.toMatch(/hunter|too short a secret/);
  });
});

describe('CSV', () => {
  it('quotes what has to be, and lets no text be a formula', () => {
    const columns = [
      ['day', ['2026-11-01', null]],
      ['title', ['a "b", c', '=cmd()']],
      ['members', [3, -1]],
    ] as const;
    expect(toCsv(columns)).toBe('day,title,members\r\n2026-11-01,"a ""b"", c",3\r\n,\'=cmd(),-1\r\n');
  });
});
