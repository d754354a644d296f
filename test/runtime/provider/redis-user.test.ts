import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessRules } from '../../../components/site-cache.ts';
import { findProgram, redis as redisProgram } from '../../../scripts/services/debian-packages.ts';
import { PluginProcess, secret } from '../../support/plugin-process.ts';
import { startTestRedis, type TestRedis } from '../../support/redis-server.ts';
import { temporaryDir } from '../../support/site-process.ts';

let plugin: PluginProcess;
let redis: TestRedis;
let removeDir: () => Promise<void>;

function inputsOf(slug: string, more: object = {}) {
  const { host, port, user, password } = redis;
  return {
    username: `site:${slug}`,
    rules: accessRules(`site:${slug}:`),
    password: secret(`password-of-${slug}`),
    admin: secret({ host, port, user, password, tls: false }),
    ...more,
  };
}

/** Runs commands as a user of Redis and gives each one's answer, or the first word of its error. */
async function as(username: string, password: string, ...commands: string[][]): Promise<unknown[]> {
  const client = new Redis({
    host: redis.host,
    port: redis.port,
    username,
    password,
    lazyConnect: true,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  try {
    const answers: unknown[] = [];
    for (const [command = '', ...args] of commands) {
      answers.push(await client.call(command, ...args).catch((error: Error) => error.message.split(' ')[0]));
    }
    return answers;
  } finally {
    client.disconnect();
  }
}

describe.skipIf(findProgram(redisProgram) === undefined)("a site's user of Redis", () => {
  beforeAll(async () => {
    const { dir, remove } = await temporaryDir();
    removeDir = remove;
    plugin = await PluginProcess.start();
    redis = await startTestRedis(dir);
  });
  afterAll(async () => {
    await plugin?.orphan();
    await redis?.stop();
    await removeDir?.();
  });

  it('reads and writes below its prefix, and neither reads nor lists what neighbours keep', async () => {
    await plugin.create('RedisUser', inputsOf('one'));
    await plugin.create('RedisUser', inputsOf('two'));
    await as('site:two', 'password-of-two', ['set', 'site:two:secret', 'theirs']);
    const answers = await as(
      'site:one',
      'password-of-one',
      ['set', 'site:one:key', 'value'],
      ['get', 'site:one:key'],
      ['get', 'site:two:secret'],
      ['set', 'site:two:secret', 'mine'],
      ['keys', '*'],
      ['scan', '0'],
      ['randomkey'],
      ['dbsize'],
      ['flushall'],
      ['config', 'get', '*'],
      ['acl', 'list'],
      ['client', 'list'],
      ['subscribe', 'site:two:events'],
      ['pubsub', 'channels'],
      ['eval', "return redis.call('get', 'site:two:secret')", '0'],
    );
    expect(answers).toEqual(['OK', 'value', ...Array(13).fill('NOPERM')]);
  });

  it('survives a restart of Redis by the ACL file', async () => {
    const saved = await as(redis.user, redis.password, ['acl', 'load'], ['acl', 'getuser', 'site:one']);
    expect(saved[0]).toBe('OK');
    expect(saved[1]).not.toBeNull();
  });

  it('is adopted, loses what it could do before, and keeps no second password', async () => {
    await as(redis.user, redis.password, ['acl', 'setuser', 'site:one', '~*', '+@all', '>old-password-of-it']);
    await plugin.create('RedisUser', inputsOf('one'));
    expect(await as('site:one', 'password-of-one', ['get', 'site:two:secret'])).toEqual(['NOPERM']);
    expect(await as('site:one', 'old-password-of-it', ['ping'])).not.toEqual(['PONG']);
  });

  it('shows drift to a refresh, and its password never', async () => {
    const { state } = await plugin.create('RedisUser', inputsOf('one'));
    expect(await plugin.read('RedisUser', state)).toEqual(state);
    expect(JSON.stringify({ ...state, password: '', admin: '' })).not.toContain('password-of-one');
    await as(redis.user, redis.password, ['acl', 'setuser', 'site:one', '+@all']);
    const drifted = (await plugin.read('RedisUser', state)) as { rules: string[] };
    expect(drifted.rules[0]).toMatch(/^changed outside of Pulumi/);
    expect(await plugin.diff('RedisUser', drifted, inputsOf('one'))).toMatchObject({ changes: true, replaces: [] });
  });

  it('is replaced under another name, and gone once it is deleted', async () => {
    const { state } = await plugin.create('RedisUser', inputsOf('one'));
    const renamed = { ...inputsOf('one'), username: 'site:uno' };
    expect(await plugin.diff('RedisUser', state, renamed)).toEqual({ changes: true, replaces: ['username'] });
    await plugin.delete('RedisUser', state);
    expect(await plugin.read('RedisUser', state)).toBeUndefined();
    await plugin.delete('RedisUser', state);
  });

  it('says which Redis did not answer, and no password', async () => {
    const { host, user, password } = redis;
    const gone = inputsOf('one', { admin: secret({ host, port: 1, user, password, tls: false }) });
    const error = await plugin.create('RedisUser', gone).then(
      () => new Error('was made'),
      (reason: Error) => reason,
    );
    expect(error.message).toMatch(/Redis 127\.0\.0\.1:1: /);
    expect(error.message).not.toContain(password);
  });
});
