import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { defineKind } from './resource-kind.ts';

const inputs = z.strictObject({
  username: z.string().regex(/^[a-z0-9:-]+$/),
  /** Rules of `ACL SETUSER`, password and state not among them. */
  rules: z.array(z.string().min(1)).min(1),
  password: z.string().min(16),
  admin: z.strictObject({
    host: z.string().min(1),
    port: z.int().min(1).max(65_535),
    user: z.string().min(1),
    password: z.string(),
    tls: z.boolean(),
  }),
});

export type RedisUserInputs = z.output<typeof inputs>;

interface RedisUserOutputs {
  /** The user as Redis describes it, by which drift is seen. */
  readonly live: string;
}

/** A Redis ACL user. Its keys are a cache: deleting the user leaves them to expire. */
export const redisUser = defineKind<RedisUserInputs, RedisUserOutputs>({
  inputs,
  secrets: ['admin', 'password'],
  identity: ['username'],
  onIdentityChange: 'replace',

  async create(request) {
    return { id: request.username, outputs: await setUser(request) };
  },

  update: setUser,

  async read(state) {
    const live = await withRedis(state, (redis) => describe(redis, state));
    if (live === undefined) return undefined;
    // Redis spells rules in its own way, so they are not compared with the inputs but with what it said at the last change.
    return { ...state, live, rules: live === state.live ? state.rules : [`changed outside of Pulumi: ${live}`] };
  },

  async delete(state) {
    await withRedis(state, async (redis) => {
      await redis.call('ACL', 'DELUSER', state.username);
      await save(redis);
    });
  },
});

async function setUser(request: RedisUserInputs): Promise<RedisUserOutputs> {
  return withRedis(request, async (redis) => {
    // `reset` first: what an earlier set of rules allowed does not survive, and the command is atomic.
    await redis.call('ACL', 'SETUSER', request.username, 'reset', 'on', `>${request.password}`, ...request.rules);
    await save(redis);
    return { live: (await describe(redis, request)) ?? '' };
  });
}

/** What the user may do, without its password. */
async function describe(redis: Redis, request: RedisUserInputs): Promise<string | undefined> {
  const reply = (await redis.call('ACL', 'GETUSER', request.username)) as unknown[] | null;
  if (reply === null) return undefined;
  const fields = new Map<string, unknown>();
  for (let at = 0; at < reply.length; at += 2) fields.set(String(reply[at]), reply[at + 1]);
  const hash = createHash('sha256').update(request.password).digest('hex');
  const passwords = fields.get('passwords') as string[];
  const known = passwords.length === 1 && passwords[0] === hash;
  const rights = ['flags', 'commands', 'keys', 'channels'].map((field) => [field, fields.get(field)]);
  return JSON.stringify({ ...Object.fromEntries(rights), password: known ? 'as set' : 'another' });
}

/** Writes the users to Redis' ACL file, where it has one; without, they live as long as the server. */
async function save(redis: Redis): Promise<void> {
  const [, file] = (await redis.config('GET', 'aclfile')) as string[];
  if (file) await redis.call('ACL', 'SAVE');
}

async function withRedis<T>(request: RedisUserInputs, use: (redis: Redis) => Promise<T>): Promise<T> {
  const { host, port, user, password, tls } = request.admin;
  const redis = new Redis({
    host,
    port,
    username: user,
    password,
    lazyConnect: true,
    connectTimeout: 10_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    ...(tls ? { tls: {} } : {}),
  });
  // Without a listener a broken connection would be an uncaught error besides the rejected command.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await use(redis);
  } catch (error) {
    throw new Error(`Redis ${host}:${port}: ${(error as Error).message}`);
  } finally {
    redis.disconnect();
  }
}
