import { randomBytes, randomUUID } from 'node:crypto';
import { Random } from '../../dataset/random.ts';
import { rowId } from '../../dataset/rows.ts';
import type { BenchRequest } from '../load.ts';
import { contentKey, lexicalOf } from './data.ts';
import type { BenchSite } from './site.ts';

/** One row of the table: requests of one kind. */
export interface Journey {
  readonly name: string;
  readonly writes: boolean;
  readonly as: 'visitor' | 'owner';
  readonly status: number;
  /** Makes ready what a slice needs; returns the source of its requests. */
  prepare(site: BenchSite, slice: { users: number; amount: number }): Promise<() => BenchRequest>;
}

export const journeys: readonly Journey[] = [
  { name: 'front page', writes: false, as: 'visitor', status: 200, prepare: async () => always('/') },
  { name: 'post page', writes: false, as: 'visitor', status: 200, prepare: postPages },
  {
    name: 'Content API, posts with tags and authors',
    writes: false,
    as: 'visitor',
    status: 200,
    prepare: async () =>
      drawn(
        (random) => `/ghost/api/content/posts/?key=${contentKey}&include=tags,authors&page=${random.integer(1, 50)}`,
      ),
  },
  {
    name: 'Admin API, posts by tag',
    writes: false,
    as: 'owner',
    status: 200,
    async prepare(site) {
      const slugs = await site.knex('tags').where({ visibility: 'public' }).orderBy('id').limit(50).pluck('slug');
      return drawn((random) => {
        const filter = `status:published+tag:${random.pick(slugs)}`;
        return `/ghost/api/admin/posts/?${query({ filter, include: 'tags,authors', order: 'published_at desc', limit: '30' })}`;
      });
    },
  },
  {
    name: 'Admin API, members by label',
    writes: false,
    as: 'owner',
    status: 200,
    async prepare(site) {
      const slugs = await site.knex('labels').orderBy('id').pluck('slug');
      return drawn((random) => memberList({ filter: `label:${random.pick(slugs)}` }));
    },
  },
  {
    name: 'Admin API, members by label and search',
    writes: false,
    as: 'owner',
    status: 200,
    async prepare(site) {
      const slugs = await site.knex('labels').orderBy('id').pluck('slug');
      return drawn((random) =>
        memberList({ filter: `label:${random.pick(slugs)}`, search: `carla.${random.integer(1, 9)}` }),
      );
    },
  },
  {
    name: 'Admin API, members by search',
    writes: false,
    as: 'owner',
    status: 200,
    prepare: async () => drawn((random) => memberList({ search: `carla.${random.integer(10, 99)}` })),
  },
  { name: 'post save', writes: true, as: 'owner', status: 200, prepare: postSaves },
  { name: 'member sign-up', writes: true, as: 'visitor', status: 302, prepare: signUps },
];

function always(path: string): () => BenchRequest {
  return () => ({ method: 'GET', path });
}

/** Requests drawn by one seed, so that every contestant is asked the same. */
function drawn(path: (random: Random) => string): () => BenchRequest {
  const random = new Random(4711);
  return () => ({ method: 'GET', path: path(random) });
}

function query(parameters: Record<string, string>): string {
  return new URLSearchParams(parameters).toString();
}

/** The list of members as Ghost Admin asks for it. */
function memberList(parameters: Record<string, string>): string {
  const shown = { include: 'labels,tiers', order: 'created_at desc', limit: '50', page: '1' };
  return `/ghost/api/admin/members/?${query({ ...parameters, ...shown })}`;
}

async function postPages(site: BenchSite): Promise<() => BenchRequest> {
  const slugs: string[] = await site
    .knex('posts')
    .where({ type: 'post', status: 'published', visibility: 'public' })
    .orderBy('id')
    .limit(500)
    .pluck('slug');
  return drawn((random) => `/${random.pick(slugs)}/`);
}

/** Ghost Admin's save: the whole text again, with the moment of the last save; each connection edits a post of its own. */
async function postSaves(site: BenchSite, { users }: { users: number }): Promise<() => BenchRequest> {
  const ids = Array.from({ length: users * 3 }, (_, at) => rowId('posts', at * 6));
  const free: { id: string; updatedAt: string }[] = [];
  for (const id of ids) {
    const { posts } = await site.read(`/ghost/api/admin/posts/${id}/`);
    free.push({ id, updatedAt: posts[0].updated_at });
  }
  let saves = 0;
  return () => {
    const post = free.shift();
    if (post === undefined) throw new Error('expected a post that nobody edits; got none');
    saves += 1;
    const lexical = lexicalOf(Array.from({ length: 8 }, (_, at) => `Edition ${saves}, paragraph ${at}. `.repeat(20)));
    return {
      method: 'PUT',
      path: `/ghost/api/admin/posts/${post.id}/?formats=lexical`,
      body: { posts: [{ lexical, updated_at: post.updatedAt }] },
      answered(body) {
        free.push({ id: post.id, updatedAt: JSON.parse(body).posts[0].updated_at });
      },
      refused() {
        free.push(post);
      },
    };
  };
}

/** The click on the link in the mail: the token is checked, and the member made. The tokens are there before. */
async function signUps(
  site: BenchSite,
  { users, amount }: { users: number; amount: number },
): Promise<() => BenchRequest> {
  const now = new Date().toISOString().slice(0, 19).replace('T', ' ');
  // A connection draws its first request when it is made.
  const wanted = amount + users * 2;
  const tokens = Array.from({ length: wanted }, () => {
    const email = `reader-${randomBytes(8).toString('hex')}@example.com`;
    return {
      id: randomBytes(12).toString('hex'),
      token: randomBytes(24).toString('base64url'),
      uuid: randomUUID(),
      data: JSON.stringify({ email, name: 'A Reader', type: 'signup' }),
      created_at: now,
      updated_at: now,
      used_count: 0,
      otc_used_count: 0,
    };
  });
  await site.knex.transaction(async (transaction) => {
    for (let at = 0; at < tokens.length; at += 100) await transaction('tokens').insert(tokens.slice(at, at + 100));
  });
  return () => {
    const token = tokens.pop();
    if (token === undefined) throw new Error(`expected at most ${wanted} sign-ups`);
    return { method: 'GET', path: `/members/?token=${token.token}&action=signup` };
  };
}
