import { setTimeout as sleep } from 'node:timers/promises';
import cookie from '@fastify/cookie';
import session from '@fastify/session';
import fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVolatileStores } from '../../../runtime/platform/volatile/create-volatile-stores.ts';
import { MemoryExpiringStore } from '../../../runtime/platform/volatile/expiring-store.ts';
import { createRedisClient } from '../../../runtime/platform/volatile/redis-client.ts';
import type { Session, VolatileStores } from '../../../runtime/platform/volatile/volatile-stores.ts';
import { startTestRedis, type TestRedis } from '../../support/redis-server.ts';
import { temporaryDir } from '../../support/site-process.ts';

declare module 'fastify' {
  interface Session {
    visits?: number;
  }
}

let files: Awaited<ReturnType<typeof temporaryDir>>;
let redis: TestRedis;
beforeAll(async () => {
  files = await temporaryDir();
  redis = await startTestRedis(files.dir);
});
afterAll(async () => {
  await redis?.stop();
  await files?.remove();
});

describe.each(['memory', 'Redis'] as const)('what may be lost, in %s,', (backend) => {
  let stores: VolatileStores;
  /** Another process's, where there is something between them. */
  let others: VolatileStores;
  let app: FastifyInstance;
  beforeAll(async () => {
    stores = createVolatileStores(backend === 'Redis' ? { redis } : {});
    others = backend === 'Redis' ? createVolatileStores({ redis }) : stores;
    app = await countingApp(stores, 60_000);
  });
  afterAll(async () => {
    await app.close();
    await stores.close();
    await others.close();
  });

  it('answers', async () => {
    await stores.ping();
  });

  it('keeps a session by its cookie, apart from others’, and in every process', async () => {
    const [mira, jon] = [await visit(app), await visit(app)];
    expect(mira.visits).toBe(1);
    expect((await visit(app, mira.cookie)).visits).toBe(2);
    const elsewhere = await countingApp(others, 60_000);
    expect((await visit(elsewhere, mira.cookie)).visits).toBe(3);
    expect((await visit(app, jon.cookie)).visits).toBe(2);
    await elsewhere.close();
  });

  it('forgets a session that was destroyed', async () => {
    const { cookie } = await visit(app);
    await app.inject({ method: 'DELETE', url: '/', headers: { cookie } });
    expect((await visit(app, cookie)).visits).toBe(1);
  });

  it('forgets a session when its cookie has ended, whatever the browser sends', async () => {
    const brief = await countingApp(stores, 1_000);
    const { cookie } = await visit(brief);
    expect((await visit(brief, cookie)).visits).toBe(2);
    await sleep(1_100);
    expect((await visit(brief, cookie)).visits).toBe(1);
    await brief.close();
  });

  it('keeps nothing of a session that has ended, and a session without an end for a while', async () => {
    const ends = (expires: Date | null) => ({ visits: 7, cookie: { originalMaxAge: null, expires } });
    await save(stores, 'brief', ends(new Date(Date.now() + 200)));
    await save(stores, 'ended', ends(new Date(Date.now() - 1)));
    await save(stores, 'endless', ends(null));
    await save(stores, 'long', ends(new Date(Date.now() + 60_000)));
    await sleep(300);
    expect(await load(others, 'brief')).toBeNull();
    expect(await load(others, 'ended')).toBeNull();
    expect(await load(others, 'endless')).toMatchObject({ visits: 7 });
    expect(await load(others, 'long')).toMatchObject({ cookie: { expires: expect.any(Date) } });
  });

  it('gives a token’s data to one of all that take it', async () => {
    const token = await stores.tokens.issue('sign-in', { email: 'mira@example.com' }, 60);
    expect(token).toMatch(/^[\w-]{43}$/);
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, at) => (at % 2 ? stores : others).tokens.consume('sign-in', token)),
    );
    expect(taken.filter((data) => data !== undefined)).toEqual([{ email: 'mira@example.com' }]);
    expect(await stores.tokens.consume('sign-in', token)).toBeUndefined();
  });

  it('takes no token that was made for something else, is unknown, or has ended', async () => {
    const token = await stores.tokens.issue('sign-in', 1, 60);
    expect(await stores.tokens.consume('set-up', token)).toBeUndefined();
    expect(await stores.tokens.consume('sign-in', `${token}x`)).toBeUndefined();
    expect(await stores.tokens.consume('sign-in', token)).toBe(1);
    const brief = await stores.tokens.issue('sign-in', 1, 0.1);
    await sleep(200);
    expect(await stores.tokens.consume('sign-in', brief)).toBeUndefined();
  });

  it('refuses what is too much within a window, for each key and limit by itself', async () => {
    const limit = { name: `sign-in ${backend}`, points: 3, windowSeconds: 2 };
    const [limiter, same, other] = [
      stores.limiter(limit),
      others.limiter(limit),
      stores.limiter({ ...limit, name: `other ${backend}` }),
    ];
    const verdicts = [await limiter.take('a'), await same.take('a'), await limiter.take('a'), await same.take('a')];
    expect(verdicts.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
    ]);
    expect(verdicts[3]?.resetMs).toBeGreaterThan(0);
    expect(verdicts[3]?.resetMs).toBeLessThanOrEqual(2_000);
    expect(await limiter.take('b')).toMatchObject({ allowed: true, remaining: 2 });
    expect(await other.take('a')).toMatchObject({ allowed: true });
    await limiter.reset('b');
    expect(await limiter.take('b')).toMatchObject({ allowed: true, remaining: 2 });
    await sleep(2_100);
    expect(await limiter.take('a')).toMatchObject({ allowed: true, remaining: 2 });
  });
});

describe('in Redis', () => {
  it('no key is outside of the platform’s, without an end, or a token', async () => {
    const client = createRedisClient(redis, {});
    const stores = createVolatileStores({ redis });
    const app = await countingApp(stores, 60_000);
    await client.flushall();
    await visit(app);
    const token = await stores.tokens.issue('sign-in', 1, 60);
    await stores.limiter({ name: 'a', points: 1, windowSeconds: 60 }).take('b');
    const keys = await client.keys('*');
    expect(keys.filter((key) => key.startsWith('platform:'))).toHaveLength(3);
    expect(keys).toHaveLength(3);
    expect(keys.join()).not.toContain(token);
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(0);
    await app.close();
    await stores.close();
    client.disconnect();
  });

  it('limits hold in the process while Redis is away, and the rest fails soon', async () => {
    const away = await startTestRedis(files.dir);
    const stores = createVolatileStores({ redis: away });
    const limiter = stores.limiter({ name: 'a', points: 1, windowSeconds: 60 });
    await stores.ping();
    await away.kill();
    expect([await limiter.take('b'), await limiter.take('b')]).toMatchObject([{ allowed: true }, { allowed: false }]);
    const asked = Date.now();
    await expect(stores.tokens.consume('sign-in', 'x')).rejects.toThrow();
    await expect(stores.ping()).rejects.toThrow();
    expect(Date.now() - asked).toBeLessThan(10_000);
    const back = await startTestRedis(files.dir, { port: away.port });
    await expect.poll(() => stores.ping().then(() => 'back'), { timeout: 10_000 }).toBe('back');
    await stores.close();
    await back.stop();
  });
});

describe('in memory', () => {
  it('what has ended does not stay', async () => {
    let now = 0;
    const store = new MemoryExpiringStore(() => now);
    for (let n = 0; n < 100; n += 1) await store.set(`brief ${n}`, '', 1_000);
    now = 120_000;
    await store.set('new', '', 1_000);
    expect(store.size).toBe(1);
  });
});

/** Counts the visits of a session, whose cookie lives for so long. */
async function countingApp(stores: VolatileStores, maxAge: number): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(cookie);
  await app.register(session, {
    secret: 'a secret of this test, which is long enough',
    cookie: { secure: false, maxAge },
    store: stores.sessions,
    rolling: false,
  });
  app.get('/', async (request) => {
    request.session.visits = (request.session.visits ?? 0) + 1;
    return { visits: request.session.visits };
  });
  app.delete('/', async (request) => {
    await request.session.destroy();
    return {};
  });
  return app;
}

function save({ sessions }: VolatileStores, id: string, session: Session): Promise<void> {
  return new Promise((resolve, reject) => {
    sessions.set(id, session, (error) => (error ? reject(error) : resolve()));
  });
}

function load({ sessions }: VolatileStores, id: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    sessions.get(id, (error, session) => (error ? reject(error) : resolve(session)));
  });
}

async function visit(app: FastifyInstance, cookie = ''): Promise<{ visits: number; cookie: string }> {
  const answer = await app.inject({ url: '/', headers: { cookie } });
  const set = answer.cookies.find(({ name }) => name === 'sessionId');
  return { visits: answer.json().visits, cookie: set === undefined ? cookie : `sessionId=${set.value}` };
}
